"""The database that a test is given: swept if that makes it as good as new, else cloned."""

from collections.abc import Iterator

import asyncpg
import pytest

from databases import Administrator, Janitor, own_name
from entrypoints.embedded.sql import fetch_value


@pytest.fixture(scope="module")
def janitor(administrator: Administrator, template_database: tuple[str, str]) -> Iterator[Janitor]:
    """A janitor of this file's own."""
    janitor = Janitor(administrator, template=template_database[1], name=own_name("swept"))
    yield janitor
    janitor.leave()


def number_of(url: str) -> int:
    """What tells one database from the next of the same name."""
    number: int = fetch_value(
        url, "select oid::bigint from pg_database where datname = current_database()"
    )
    return number


SOLD = (
    "insert into suppliers (id, name) values (gen_random_uuid(), 'x')",
    "insert into sandbox_clock (shift) values ('1 day')",
    "update catalogue_versions set version = version + 1",
    "select nextval('key_positions')",
    "insert into ledger_accounts (id, code, currency) values (gen_random_uuid(), 'A:BANK', 'CNY')",
)


def test_what_a_test_has_written_is_gone_and_what_migrations_have_written_is_back(
    janitor: Janitor,
) -> None:
    url = janitor.fresh_database()
    first, sum_of_versions = number_of(url), "select sum(version) from catalogue_versions"
    versions = fetch_value(url, sum_of_versions)
    for statement in SOLD:
        fetch_value(url, statement)
    assert janitor.fresh_database() == url
    assert number_of(url) == first, "it was swept"
    for table in ("suppliers", "sandbox_clock", "ledger_accounts"):
        assert fetch_value(url, f"select count(*) from {table}") == 0
    assert fetch_value(url, sum_of_versions) == versions
    assert fetch_value(url, "select nextval('key_positions')") == 1


def test_append_only_tables_are_still_append_only_for_everybody_else(janitor: Janitor) -> None:
    janitor.fresh_database()
    url = janitor.fresh_database()
    fetch_value(url, SOLD[-1])
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        fetch_value(url, "truncate key_reveals cascade")


def test_whoever_is_left_is_sent_away(janitor: Janitor, administrator: Administrator) -> None:
    url = janitor.fresh_database()
    left = administrator.wait_for(asyncpg.connect(url))
    administrator.wait_for(left.execute("begin; lock table orders"))
    janitor.fresh_database()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        administrator.wait_for(left.execute("select 1"))


@pytest.mark.parametrize(
    "change",
    [
        "alter table orders disable trigger user",
        "create function one() returns integer language sql as 'select 1'",
        "create table more (number integer)",
        "grant select on ledger_entries to kameng_shop",
        "alter policy {policy} on orders using (true)",
        "analyze suppliers",
        "insert into suppliers (id, name)"
        " select gen_random_uuid(), repeat('x', 200) from generate_series(1, 5000)",
    ],
)
def test_what_cannot_be_swept_is_cloned_anew(janitor: Janitor, change: str) -> None:
    url = janitor.fresh_database()
    first = number_of(url)
    policy = fetch_value(url, "select polname from pg_policy where polrelid = 'orders'::regclass")
    fetch_value(url, change.format(policy=policy))
    janitor.fresh_database()
    assert number_of(url) != first
