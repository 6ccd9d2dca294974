"""The engines that all tests share, and the databases they are given."""

import secrets

import asyncpg
import pytest
import redis

import engines as shared
from engines import SharedEngines, fresh_database, template_database
from entrypoints.embedded.sql import fetch_value


@pytest.fixture
def engines() -> SharedEngines:
    return shared.test_engines()


@pytest.mark.engines
def test_a_fresh_database_has_what_its_template_has(engines: SharedEngines) -> None:
    def build(url: str) -> None:
        fetch_value(url, "create table sale as select 7 as amount_minor")

    template = template_database(engines, fingerprint="one table", build=build)

    with fresh_database(engines, template=template) as url:
        assert fetch_value(url, "select amount_minor from sale") == 7


@pytest.mark.engines
def test_a_template_is_built_once(engines: SharedEngines) -> None:
    built: list[str] = []

    fingerprint = secrets.token_hex()

    first = template_database(engines, fingerprint=fingerprint, build=built.append)
    second = template_database(engines, fingerprint=fingerprint, build=built.append)

    assert first == second
    assert len(built) == 1


@pytest.mark.engines
def test_a_template_whose_building_failed_is_built_again(engines: SharedEngines) -> None:
    fingerprint = secrets.token_hex()

    def fail(url: str) -> None:
        raise LookupError(url)

    with pytest.raises(LookupError):
        template_database(engines, fingerprint=fingerprint, build=fail)

    built: list[str] = []
    template_database(engines, fingerprint=fingerprint, build=built.append)
    assert len(built) == 1


@pytest.mark.engines
def test_two_fresh_databases_know_nothing_of_each_other(engines: SharedEngines) -> None:
    with fresh_database(engines) as one, fresh_database(engines) as other:
        fetch_value(one, "create table sale as select 7 as amount_minor")

        with pytest.raises(asyncpg.UndefinedTableError):
            fetch_value(other, "select amount_minor from sale")


@pytest.mark.engines
def test_a_fresh_database_is_gone_afterwards(engines: SharedEngines) -> None:
    with fresh_database(engines) as url:
        name = fetch_value(url, "select current_database()")

    count = "select count(*) from pg_database where datname = $1"
    assert fetch_value(engines.database_url, count, name) == 0


@pytest.mark.engines
def test_the_cache_is_a_numbered_database_of_this_process(engines: SharedEngines) -> None:
    with redis.Redis.from_url(engines.redis_url) as client:
        assert client.ping()
        assert client.get_connection_kwargs()["db"] in range(1, 16)
