"""Fixtures of the fault tests: the small world, and the product's processes."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from kernel.settings import Settings
from processes import Platform, running_platform
from world import World, build_world


@pytest.fixture
async def world(owner: asyncpg.Connection) -> World:
    """The worked example's tree with keys for a busy hour."""
    return await build_world(owner, keys=200)


@pytest.fixture
async def platform(config: Settings, world: World, tmp_path: Path) -> AsyncIterator[Platform]:
    """API, worker and the sandbox's Stripe, ready."""
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
    ) as running:
        yield running
