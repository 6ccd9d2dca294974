"""Fixtures of the stories: one small world, and the product's real processes over it.

All stories share them: each has a shop, goods and buyers of its own, and the clock only goes
forward.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from engines import fresh_database, test_engines
from entrypoints.asgi import create_app
from kernel import db, valkey
from kernel.settings import Settings
from processes import Platform, running_platform
from stories.channel import Channel
from stories.surroundings import MASTER_SECRET, settings_for
from world import World, build_world

# What they assert explains itself, as in a test.
pytest.register_assert_rewrite("stories.buyers", "stories.market")

from stories.market import Market  # noqa: E402 - after its registration


@pytest.fixture(scope="package")
def database_url(template_database: tuple[str, str]) -> Iterator[str]:
    """The owner's URL of a fresh database for all stories."""
    with fresh_database(test_engines(), template=template_database[1]) as url:
        yield url


@pytest.fixture(scope="package")
def config(database_url: str) -> Iterator[Settings]:
    """The settings of the product's processes, for this process, too."""
    with settings_for(database_url) as found:
        yield found


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


@pytest.fixture(scope="module")
def here(template_database: tuple[str, str]) -> Iterator[Settings]:
    """The settings of a database of one file's own: no worker changes it meanwhile."""
    with (
        fresh_database(test_engines(), template=template_database[1]) as url,
        settings_for(url, KAMENG_REQUEST_DEADLINE_SECONDS="60") as found,
    ):
        logging.disable(logging.WARNING)  # thousands of lines that say what the answers say
        yield found
        logging.disable(logging.NOTSET)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted(here: Settings) -> AsyncIterator[World]:
    """The worked example's tree in it."""
    connection = await asyncpg.connect(here.database_url)
    yield await build_world(connection)
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channel(here: Settings, planted: World) -> AsyncIterator[Channel]:
    """The application in this process, as its channel reaches it."""
    await db.connect(here)
    transport = httpx.ASGITransport(create_app(here), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://pay.localhost") as http:
        yield Channel(http)
    await valkey.close()
    await db.disconnect()
