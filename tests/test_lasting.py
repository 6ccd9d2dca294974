"""Connections that last: a test finds them as if nobody had been there, or gets others."""

import asyncio
from typing import cast

import pytest
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.connection import get_connection

from kernel import db
from kernel.settings import Settings
from lasting import LastingConnections

SESSION = "select pg_backend_pid() as pid"


async def session() -> int:
    """The server's id of the session that the product gets."""
    [row] = await db.read(db.core_scope(), SESSION)
    pid: int = row["pid"]
    return pid


async def test_the_product_finds_the_session_of_the_test_before(
    config: Settings, lasting: LastingConnections
) -> None:
    async with lasting.connected(config):
        first = await session()
    with pytest.raises(RuntimeError):
        await session()  # between tests nobody is connected
    async with lasting.connected(config):
        assert await session() == first
    other = config.model_copy(update={"write_pool_size": 3})
    async with lasting.connected(other):
        assert await session() != first


async def test_whoever_has_left_something_open_is_not_lent_again(
    config: Settings, lasting: LastingConnections
) -> None:
    async with lasting.connected(config):
        first = await session()
        pool = cast(AsyncpgDBClient, get_connection(db.CORE))._pool
        assert pool is not None
        await pool.acquire()
    async with lasting.connected(config):
        assert await session() != first
    async with lasting.owner(config.database_url) as begun:
        await begun.execute("begin")
    async with lasting.owner(config.database_url) as other:
        assert other is not begun
        await other.execute("set application_name = 'changed'")
    async with lasting.owner(config.database_url) as again:
        assert again is other
        assert await again.fetchval("show application_name") != "changed"


async def test_what_a_test_has_left_running_ends_with_it(
    config: Settings, lasting: LastingConnections
) -> None:
    async with lasting.connected(config):
        left = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
    assert left.cancelled()
