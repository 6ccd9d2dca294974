"""Bring a database up to date: the two roles, then the linear history, under one advisory lock."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import RunSQL

from kernel import crypto
from kernel.db import ROLES
from kernel.log import get_logger
from kernel.settings import Settings, settings

log = get_logger(__name__)

_LOCK = 0x6B616D656E67  # "kameng"
_ROLE_TURNS: Final = 20
# Roles belong to the cluster, and every lock that may be asked for belongs to one database: two
# databases that are migrated at once may both make a role, or change it ("tuple concurrently
# updated" is an internal error to PostgreSQL). Whoever comes second looks again.
_SOMEBODY_ELSE_DID: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateObjectError,
    asyncpg.InternalServerError,
)


class PowerfulRole(RuntimeError):
    """An application role may pass the fence, or make roles or databases; nothing was changed."""


def sql_migration(file: str, *, after: str | None = None) -> type[Migration]:
    """A step of the history: the .sql file beside its .py file, run in one transaction."""
    sql = Path(file).with_suffix(".sql").read_text()
    attributes = {
        "dependencies": [("models", after)] if after else [],
        "operations": [RunSQL(f"set local lock_timeout = '5s';\n{sql}")],
    }
    return type("Migration", (Migration,), attributes)


async def migrate(
    config: Settings | None = None, *, progress: Callable[[str], object] | None = None
) -> None:
    """Run every step that this database has not seen; others who try at the same time wait."""
    config = config or settings()
    lock = await asyncpg.connect(config.database_url)
    try:
        await lock.execute("select pg_advisory_lock($1)", _LOCK)
        await ensure_roles(lock, crypto.role_password(config))
        await _run_history(config, progress or (lambda step: None))
    finally:
        await lock.close()


async def ensure_roles(connection: asyncpg.Connection, password: str) -> None:
    """Make the two roles, or set their password; neither may pass row-level security.

    An owner with CREATEROLE is enough. Raises `PowerfulRole` for a role that stands above it.
    """
    for turn in range(1, _ROLE_TURNS + 1):
        try:
            async with connection.transaction():
                await _set_roles(connection, password)
            return
        except _SOMEBODY_ELSE_DID as error:
            if turn == _ROLE_TURNS:
                raise
            log.info("roles_made_by_another", error_class=type(error).__name__)
            await asyncio.sleep(0.05 * turn)


async def _set_roles(connection: asyncpg.Connection, password: str) -> None:
    for role in ROLES.values():
        found = await connection.fetchrow(
            """select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb as powerful
               from pg_roles where rolname = $1""",
            role,
        )
        if found is not None and found["powerful"]:
            raise PowerfulRole(f"{role} may do more than log in: take its attributes away")
        # Only a superuser may say NOSUPERUSER of a role that exists, so it is said once.
        verb = "alter" if found is not None else "create"
        await connection.execute(f"{verb} role {role} login password '{password}'")


async def _run_history(config: Settings, progress: Callable[[str], object]) -> None:
    orm: dict[str, Any] = {
        "connections": {"owner": config.database_url.replace("postgresql://", "asyncpg://", 1)},
        "apps": {
            "models": {
                "models": ["tenants.models"],
                "default_connection": "owner",
                "migrations": "migrations",
            }
        },
    }
    async with TortoiseContext() as context:
        await context.init(config=orm)
        connection = context.connections.get("owner")
        executor = MigrationExecutor(connection, orm["apps"])
        await executor.migrate(progress=lambda _event, _app, name: progress(name))
