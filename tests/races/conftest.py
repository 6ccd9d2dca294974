"""Fixtures of the races: the product inside this process, with many database connections."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from kernel import db, valkey
from kernel.settings import Settings, settings
from lasting import LastingConnections
from tenants.directory import Shop, current_shop
from world import World, build_world

CONNECTIONS = 24
"""Transactions that really run side by side; a crowd's other members wait for a connection."""

CHECK_OF_A_CHECK = "test_the_check_notices_"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whether a race would be lost without what guards it is a sweep."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.name.startswith(CHECK_OF_A_CHECK):
            item.add_marker(pytest.mark.sweep)


@pytest.fixture
async def database(
    config: Settings, lasting: LastingConnections, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Settings]:
    """The product's pools, wide enough for a crowd, and with patience for all of it."""
    monkeypatch.setenv("KAMENG_WRITE_POOL_SIZE", str(CONNECTIONS))
    monkeypatch.setenv("KAMENG_REQUEST_DEADLINE_SECONDS", "120")
    settings.cache_clear()
    async with lasting.connected(settings()):
        yield settings()
        await valkey.close()


@pytest.fixture
async def world(owner: asyncpg.Connection) -> World:
    """The worked example's tree, without keys: each race brings its own."""
    return await build_world(owner, keys=0)


@pytest.fixture
async def shop(database: Settings, world: World) -> Shop:
    """The third-level shop as a request sees it."""
    async with db.transaction(db.core_scope(), read_only=True):
        return await current_shop(world.shop.id)
