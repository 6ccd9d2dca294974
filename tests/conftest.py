"""Fixtures of every test: a migrated database of its own, cloned from one template."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest
import pytest_asyncio

from databases import Administrator, Janitor, own_name, with_database
from engines import test_engines
from kernel import orm
from kernel.settings import Settings, settings
from lasting import LastingConnections
from migrations import migrate
from processes import PATIENT

# Time is no reason for an example to fail, nor for another one to be chosen.
for _profile, _examples in {"tests": 60, "long": 2_000}.items():
    hypothesis.settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("tests")

MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"


FROM_OUTSIDE = frozenset(
    (
        "bad_input",
        "canaries",
        "entrypoints",
        "faults",
        "fuzz",
        "isolation",
        "sandbox",
        "schema",
        "stories",
        "web",
    )
)
"""Folders that ask the product from outside: the rooms' own tests run the same statements."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what needs the servers, and what depends on which servers they are."""
    here = Path(__file__).parent
    for item in items:
        if "template_database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engines)
        folder = item.path.relative_to(here).parts[0]
        if item.get_closest_marker("engines") and folder not in FROM_OUTSIDE:
            item.add_marker(pytest.mark.statements)


@pytest.fixture(scope="session")
def administrator() -> Iterator[Administrator]:
    """Who makes and drops databases."""
    administrator = Administrator(test_engines().database_url)
    yield administrator
    administrator.close()


@pytest.fixture(scope="session")
def template_database(administrator: Administrator) -> Iterator[tuple[str, str]]:
    """(admin URL, name) of a migrated, empty database that tests clone."""
    url, name = administrator.url, own_name("template")
    administrator.execute(f"drop database if exists {name}", f"create database {name}")
    config = Settings(
        DATABASE_URL=with_database(url, name), environment="test", master_secret=MASTER_SECRET
    )
    asyncio.run(migrate(config))
    yield url, name
    administrator.execute(f"drop database if exists {name} with (force)")


@pytest_asyncio.fixture(scope="session")
async def lasting() -> AsyncIterator[LastingConnections]:
    """The connections that last from test to test."""
    lasting = LastingConnections()
    yield lasting
    await lasting.leave()


@pytest.fixture(scope="session")
def janitor(
    administrator: Administrator, template_database: tuple[str, str], lasting: LastingConnections
) -> Iterator[Janitor]:
    """Who makes one database fresh for each test."""
    janitor = Janitor(
        administrator, template=template_database[1], name=own_name("test"), lasting=lasting
    )
    yield janitor
    janitor.leave()


@pytest.fixture
def database_url(janitor: Janitor) -> str:
    """The owner's URL of a fresh database with the whole schema and no rows."""
    return janitor.fresh_database()


@pytest.fixture
def nobodys_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of a channel: neither of whoever runs the tests, nor of the processes that serve the
    pages and live as long as the tests do."""
    for name in ("KAMENG_STRIPE_API_KEY", "KAMENG_STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def patience(nobodys_channel: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's own deadlines are far away: a machine that is held up for some seconds must
    not make a test fail that is about something else."""
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    for name in orm.SESSION_TIMEOUTS:
        monkeypatch.setitem(orm.SESSION_TIMEOUTS, name, "10min")
    monkeypatch.setattr(orm, "COMMAND_TIMEOUT_SECONDS", 600)
    monkeypatch.setattr(orm, "CONNECT_TIMEOUT_SECONDS", 600)


@pytest.fixture
def config(
    database_url: str, patience: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """The process's settings, pointed at the fresh database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", test_engines().redis_url)
    monkeypatch.setenv("KAMENG_ENVIRONMENT", "test")
    monkeypatch.setenv("KAMENG_MASTER_SECRET", MASTER_SECRET)
    settings.cache_clear()
    yield settings()
    settings.cache_clear()


@pytest.fixture
async def database(config: Settings, lasting: LastingConnections) -> AsyncIterator[Settings]:
    """The product's own pools, connected to the fresh database."""
    async with lasting.connected(config):
        yield config


@pytest.fixture
async def owner(config: Settings, lasting: LastingConnections) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, for what a test plants and for what it checks."""
    async with lasting.owner(config.database_url) as connection:
        yield connection
