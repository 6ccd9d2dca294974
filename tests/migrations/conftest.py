"""Fixtures of the history: a database from before all of it."""

from collections.abc import Iterator

import pytest

from databases import Administrator, own_name, with_database


@pytest.fixture
def empty_database(
    administrator: Administrator, template_database: tuple[str, str]
) -> Iterator[str]:
    """The URL of a database with nothing in it, on a server that has the roles."""
    name = own_name("history")
    administrator.execute(
        f"drop database if exists {name} with (force)",
        f"create database {name} template template0 encoding 'UTF8'",
    )
    yield with_database(administrator.url, name)
    administrator.execute(f"drop database {name} with (force)")
