"""Two hundred ask for statements of one party at once: five of them wait for the worker."""

import asyncio

import asyncpg
import pytest

from bookkeeping.statements import files
from kernel.errors import RateLimited
from kernel.settings import Settings
from statement_desk import ask, whole_period
from world import World, build_world

pytestmark = pytest.mark.engines
CALLERS = 200


async def _waiting(world: World) -> int:
    period = await whole_period(world, world.shop.id)
    answers = await asyncio.gather(*(ask(period) for _ in range(CALLERS)), return_exceptions=True)
    done = [one for one in answers if isinstance(one, files.StatementFile)]
    assert len(done) + sum(isinstance(one, RateLimited) for one in answers) == CALLERS
    waiting: int = await world.owner.fetchval("select count(*) from statement_files")
    assert waiting == len(done)
    return waiting


async def test_five_statements_of_a_party_wait_however_many_are_asked_for_at_once(
    owner: asyncpg.Connection, database: Settings
) -> None:
    assert await _waiting(await build_world(owner, keys=0)) == files.MOST_WAITING


async def test_who_counts_without_a_line_lets_more_through(
    owner: asyncpg.Connection, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter(range(CALLERS))
    monkeypatch.setattr(files, "_lock_of", lambda _: next(turns))
    assert await _waiting(await build_world(owner, keys=0)) > files.MOST_WAITING
