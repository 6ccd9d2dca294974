"""The engines under the product go away in the middle of a rush, and come back."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median

import asyncpg
import pytest

import engines as shared
from entrypoints.embedded import Engines, erase_engines, start_engines
from entrypoints.embedded.processes import processes_in, signal_all, wait_until
from faults.rush import AT_ONCE, assert_nothing_was_lost, rush
from kernel.settings import Settings
from migrations import migrate
from patience import PATIENCE_SECONDS, until_true
from processes import Platform, running_platform
from world import World, build_world

LONGEST_WAIT_SECONDS = 4.0
"""A client that waits for a dead server, with the tries that are usual, waits for longer."""
MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Engines]:
    """A PostgreSQL of this test alone, which keeps what it has committed."""
    data_dir = tmp_path / "engines"
    yield start_engines(data_dir, redis_url=shared.test_engines().redis_url)
    erase_engines(data_dir)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Engines]:
    """A Valkey of this test alone."""
    data_dir = tmp_path / "engines"
    yield start_engines(data_dir, database_url=shared.test_engines().database_url)
    erase_engines(data_dir)


async def world_of(engines: Engines) -> World:
    """The small world in a database that has nothing yet."""
    config = Settings(
        DATABASE_URL=engines.database_url, environment="test", master_secret=MASTER_SECRET
    )
    await migrate(config)
    owner = await asyncpg.connect(engines.database_url)
    try:
        return await build_world(owner, keys=2_000)
    finally:
        await owner.close()


@pytest.fixture
async def market(own_postgres: Engines, tmp_path: Path) -> AsyncIterator[tuple[Platform, World]]:
    """The product over that PostgreSQL."""
    world = await world_of(own_postgres)
    async with running_platform(
        database_url=own_postgres.database_url,
        redis_url=own_postgres.redis_url,
        master_secret=MASTER_SECRET,
        directory=tmp_path,
    ) as platform:
        yield platform, world


async def end_and_revive(engines: Engines, number: signal.Signals) -> None:
    """End every process of PostgreSQL at once, without a checkpoint, and start it again."""
    server = engines.postgres
    assert server is not None
    signal_all(processes_in(server.data), number)
    ended = await asyncio.to_thread(
        wait_until, lambda: not server.is_alive(), timeout_seconds=PATIENCE_SECONDS
    )
    assert ended
    assert await asyncio.to_thread(engines.revive) == ["PostgreSQL"]


@pytest.mark.parametrize(
    "restarts",
    [pytest.param(2, marks=pytest.mark.sweep), pytest.param(20, marks=pytest.mark.soak)],
)
async def test_sales_survive_a_database_that_ends_at_once_and_comes_back(
    market: tuple[Platform, World], own_postgres: Engines, restarts: int
) -> None:
    platform, world = market
    async with rush(platform, world) as buyers:
        for restart in range(restarts):
            await asyncio.sleep(random.uniform(0.5, 1.5))
            number = signal.SIGKILL if restart % 2 else signal.SIGQUIT
            await end_and_revive(own_postgres, number)
            await platform.until_healthy(platform.api_url)

    await assert_nothing_was_lost(platform, buyers, own_postgres.database_url)


@pytest.mark.engines
async def test_sales_go_on_without_valkey_and_nobody_waits_for_it(
    own_valkey: Engines, config: Settings, world: World, tmp_path: Path
) -> None:
    assert own_valkey.valkey is not None
    async with running_platform(
        database_url=config.database_url,
        redis_url=own_valkey.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
    ) as platform:
        async with rush(platform, world) as buyers:
            await asyncio.sleep(1.0)
            await asyncio.to_thread(own_valkey.valkey.stop)
            came_before = len(buyers)
            await until_true(lambda: len(buyers) >= came_before + 3 * AT_ONCE)

        assert not own_valkey.valkey.is_alive()
        # Most of them: a machine that is held up for a moment holds up those who are there then.
        without = buyers[came_before:]
        assert median(buyer.longest_wait_seconds for buyer in without) < LONGEST_WAIT_SECONDS
        await assert_nothing_was_lost(platform, buyers, config.database_url)
