"""Fixtures of the pages: one small world, and the product's real processes over it."""

from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import pytest
import pytest_asyncio

from bank_desk import ACCOUNTS
from engines import fresh_database, test_engines
from kernel.settings import Settings, settings
from processes import STRIPE_KEY, WEBHOOK_SECRET, Platform, running_platform
from web_visitor import Visitor
from world import ShopAt, World, build_world

# As everywhere: the roles, and so their password, belong to the whole cluster.
MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"


@pytest.fixture(scope="package")
def config(template_database: tuple[str, str]) -> Iterator[Settings]:
    """The settings of the processes, and of this one, too."""
    engines = test_engines()
    with (
        fresh_database(engines, template=template_database[1]) as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DATABASE_URL", url)
        environment.setenv("REDIS_URL", engines.redis_url)
        environment.setenv("KAMENG_ENVIRONMENT", "test")
        environment.setenv("KAMENG_MASTER_SECRET", MASTER_SECRET)
        environment.setenv("KAMENG_STRIPE_API_KEY", STRIPE_KEY)
        environment.setenv("KAMENG_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        environment.setenv("KAMENG_BANK_ACCOUNTS", ACCOUNTS)
        settings.cache_clear()
        yield settings()
    settings.cache_clear()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def world(config: Settings) -> AsyncIterator[World]:
    """The worked example's tree, with keys enough for every test."""
    owner = await asyncpg.connect(config.database_url)
    yield await build_world(owner, keys=200)
    await owner.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def platform(
    config: Settings, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """API, worker and the sandbox's Stripe, ready."""
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=MASTER_SECRET,
        directory=tmp_path_factory.mktemp("platform"),
        KAMENG_BANK_ACCOUNTS=ACCOUNTS,
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package")
async def visitors(platform: Platform, world: World) -> AsyncIterator[Callable[..., Visitor]]:
    """Makes visitors, each with a browser of its own: `visitors()`, `visitors(shop=…)`."""
    made: list[Visitor] = []

    def visitor(*, shop: ShopAt | None = None, language: str = "en") -> Visitor:
        made.append(Visitor(platform, shop or world.shop, language))
        return made[-1]

    yield visitor
    for each in made:
        await each.close()


@pytest.fixture
def visitor(visitors: Callable[..., Visitor]) -> Visitor:
    """A visitor of the shop who has never been there."""
    return visitors()
