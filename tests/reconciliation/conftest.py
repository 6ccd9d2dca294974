"""Fixtures: a book-keeper with a day of sales."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from book_keepers import BookKeeper, provider_says
from kernel import valkey
from kernel.settings import Settings
from sales import SalesDesk, channels_in_memory
from world import build_world


@pytest.fixture
async def keeper(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[BookKeeper]:
    """It is noon, and nothing has been sold."""
    world = await build_world(owner, keys=0)
    with channels_in_memory() as channels, provider_says() as said:
        keeper = BookKeeper(SalesDesk(world, channels), said)
        await keeper.open_day()
        yield keeper
    await valkey.close()
