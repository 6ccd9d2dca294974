"""A part of a transaction that is given up alone, also inside of another such part."""

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings

pytestmark = pytest.mark.engines


class GivenUp(Exception):
    """What a use case meets inside a part."""


async def _write(code: str) -> None:
    await db.execute(
        "insert into ledger_accounts (id, code, currency) values ($1, $2, 'CNY')", new_id(), code
    )


async def _written(owner: asyncpg.Connection) -> list[str]:
    rows = await owner.fetch("select code from ledger_accounts order by code")
    return [row["code"] for row in rows]


async def test_giving_up_the_inner_part_and_then_the_outer_gives_up_both(
    database: Settings, owner: asyncpg.Connection
) -> None:
    async with db.transaction(db.core_scope()):
        await _write("before")
        with pytest.raises(GivenUp):
            async with db.savepoint():
                await _write("outer")
                with pytest.raises(GivenUp):
                    async with db.savepoint():
                        await _write("inner")
                        raise GivenUp
                await _write("outer, after the inner")
                raise GivenUp
        await _write("after")
    assert await _written(owner) == ["after", "before"]


async def test_giving_up_the_inner_part_keeps_what_the_outer_has_written(
    database: Settings, owner: asyncpg.Connection
) -> None:
    async with db.transaction(db.core_scope()):
        async with db.savepoint():
            await _write("outer")
            with pytest.raises(GivenUp):
                async with db.savepoint():
                    await _write("inner")
                    raise GivenUp
    assert await _written(owner) == ["outer"]


async def test_giving_up_the_outer_part_gives_up_an_inner_one_that_was_kept(
    database: Settings, owner: asyncpg.Connection
) -> None:
    async with db.transaction(db.core_scope()):
        with pytest.raises(GivenUp):
            async with db.savepoint():
                async with db.savepoint():
                    await _write("inner")
                raise GivenUp
    assert await _written(owner) == []
