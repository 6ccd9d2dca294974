"""Fixtures of the stories: one small world, and the product's real processes over it.

All stories share them: each has a shop, goods and buyers of its own, and the clock only goes
forward.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from engines import fresh_database, test_engines
from kernel.settings import Settings, settings
from processes import STRIPE_KEY, WEBHOOK_SECRET, Platform, running_platform
from world import World, build_world

pytest.register_assert_rewrite("stories.market")  # what it asserts explains itself, too

from stories.market import Market  # noqa: E402 - after its registration

MASTER_SECRET = "the-master-secret-of-the-stories-0123456789"


@pytest.fixture(scope="package")
def database_url(template_database: tuple[str, str]) -> Iterator[str]:
    """The owner's URL of a fresh database for all stories."""
    with fresh_database(test_engines(), template=template_database[1]) as url:
        yield url


@pytest.fixture(scope="package")
def config(database_url: str) -> Iterator[Settings]:
    """The settings of the product's processes, for this process, too."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", database_url)
        environment.setenv("REDIS_URL", test_engines().redis_url)
        environment.setenv("KAMENG_ENVIRONMENT", "test")
        environment.setenv("KAMENG_MASTER_SECRET", MASTER_SECRET)
        environment.setenv("KAMENG_STRIPE_API_KEY", STRIPE_KEY)
        environment.setenv("KAMENG_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        settings.cache_clear()
        yield settings()
    settings.cache_clear()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def owner(config: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, for what a test plants and for what it checks."""
    connection = await asyncpg.connect(config.database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def world(owner: asyncpg.Connection) -> World:
    """The worked example's tree."""
    return await build_world(owner)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def platform(
    config: Settings, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """API, worker and the sandbox's Stripe, ready."""
    directory: Path = tmp_path_factory.mktemp("platform")
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=MASTER_SECRET,
        directory=directory,
    ) as running:
        yield running


@pytest.fixture(scope="package")
def market(platform: Platform, world: World, config: Settings) -> Market:
    """The product and its world together, with what buyers and shops do there."""
    return Market(platform, world, config.database_url)
