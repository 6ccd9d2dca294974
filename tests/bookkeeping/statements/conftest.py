"""Fixtures of the statements' tests: the small world, and a desk that buys in it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel import valkey
from kernel.settings import Settings
from sales import SalesDesk, channels_in_memory
from world import build_world


@pytest.fixture
async def desk(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[SalesDesk]:
    """A desk in the world of the worked example, without keys: a test puts in what it needs."""
    world = await build_world(owner, keys=0)
    with channels_in_memory() as channels:
        yield SalesDesk(world, channels)
    await valkey.close()
