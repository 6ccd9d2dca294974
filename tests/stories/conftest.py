"""Fixtures of the stories: the small world, and the product's real processes over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from processes import Platform, running_platform
from world import World, build_world

from kernel.settings import Settings


@pytest.fixture
async def world(owner: asyncpg.Connection) -> World:
    """The worked example's tree with 20 keys."""
    return await build_world(owner)


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
