"""Fixtures of every test: a migrated database of its own, cloned from one template."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import hypothesis
import pytest

from databases import Administrator, Janitor, own_name, with_database
from engines import test_engines
from kernel import db, orm
from kernel.settings import Settings, settings
from migrations import migrate
from processes import PATIENT

# Time is no reason for an example to fail, nor for another one to be chosen.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")

MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a database is run again against other servers."""
    for item in items:
        if "template_database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engines)


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


@pytest.fixture(scope="session")
def janitor(administrator: Administrator, template_database: tuple[str, str]) -> Iterator[Janitor]:
    """Who makes one database fresh for each test."""
    janitor = Janitor(administrator, template=template_database[1], name=own_name("test"))
    yield janitor
    janitor.leave()


@pytest.fixture
def database_url(janitor: Janitor) -> str:
    """The owner's URL of a fresh database with the whole schema and no rows."""
    return janitor.fresh_database()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
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
async def database(config: Settings) -> AsyncIterator[Settings]:
    """The product's own pools, connected to the fresh database."""
    await db.connect(config)
    yield config
    await db.disconnect()


@pytest.fixture
async def owner(config: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, for what a test plants and for what it checks."""
    connection = await asyncpg.connect(config.database_url)
    yield connection
    await connection.close()
