"""The two application roles are made and kept by an owner who need not be a superuser."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from kernel import crypto
from kernel.db import ROLES
from kernel.settings import Settings
from migrations import _runner
from migrations._runner import PowerfulRole, ensure_roles


@pytest.fixture
async def plain_owner(owner: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """A connection as a role with CREATEROLE and nothing else; all that it does is undone."""
    name = f"kameng_test_owner_{secrets.token_hex(4)}"
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(f"create role {name} createrole")
    # From PostgreSQL 16 on, whoever made a role administers it; here that was the server's owner.
    if owner.get_server_version().major >= 16:
        for role in ROLES.values():
            await owner.execute(f"grant {role} to {name} with admin option")
    await owner.execute(f"set local role {name}")
    yield owner
    await transaction.rollback()


async def test_an_owner_that_is_no_superuser_sets_the_roles_passwords(
    plain_owner: asyncpg.Connection, config: Settings
) -> None:
    await ensure_roles(plain_owner, crypto.role_password(config))

    assert await plain_owner.fetchval(
        "select count(*) from pg_roles where rolname = any ($1) and rolcanlogin",
        list(ROLES.values()),
    ) == len(ROLES)


@pytest.mark.parametrize("attribute", ["superuser", "bypassrls", "createrole", "createdb"])
async def test_a_role_that_may_do_more_than_log_in_is_refused(
    owner: asyncpg.Connection, config: Settings, attribute: str
) -> None:
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(f"alter role {ROLES['core']} {attribute}")

    with pytest.raises(PowerfulRole):
        await ensure_roles(owner, crypto.role_password(config))

    await transaction.rollback()


async def test_two_databases_of_one_cluster_may_be_migrated_at_the_same_time(
    owner: asyncpg.Connection, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_door = urlunsplit(urlsplit(config.database_url)._replace(path="/postgres"))
    neighbours = [await asyncpg.connect(next_door), owner]
    password = crypto.role_password(config)
    made: list[str] = []
    try:
        for turn in range(10):
            made.append(f"kameng_race_{secrets.token_hex(4)}")
            monkeypatch.setattr(_runner, "ROLES", {"shop": made[turn]})
            for _ in range(2):  # to make it, and to change it
                await asyncio.gather(*(ensure_roles(one, password) for one in neighbours))
        found = "select count(*) from pg_roles where rolname = any ($1) and rolcanlogin"
        assert await owner.fetchval(found, made) == len(made)
    finally:
        for role in made:
            await owner.execute(f"drop role if exists {role}")
        await neighbours[0].close()
