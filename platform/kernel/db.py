"""The one door to the database: two connection pools, and THE transaction with its scope.

A transaction belongs to one of two roles (design: table classes). `shop` reads one tenant's own
rows; `core` prices paths, holds keys and moves money. Both carry the tenant, transaction-locally,
so that row-level security stands behind every query. Without a scope nothing can be read: a use
case opens a `transaction` with one, and a lone SELECT carries its own (`read`).
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import asyncpg
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.connection import get_connection, get_connections

from kernel.fence import fence_values
from kernel.fence import fenced_statement as fenced_statement
from kernel.orm import CORE as CORE
from kernel.orm import ROLES as ROLES
from kernel.orm import ROOMS_WITH_TABLES as ROOMS_WITH_TABLES
from kernel.orm import SHOP as SHOP
from kernel.orm import orm_config as orm_config
from kernel.scope import Scope as Scope
from kernel.scope import core_scope as core_scope
from kernel.scope import every_tenant as every_tenant
from kernel.scope import shop_scope as shop_scope
from kernel.settings import Settings
from kernel.settings import settings as settings_of_process
from kernel.statements import Statement

ACQUIRE_AT_LEAST_SECONDS = 5.0
_GAVE_UP = "KM001"
"""The SQLSTATE of `give_up` in the database."""


class NestedTransaction(RuntimeError):
    """A use case was called from inside another use case's transaction."""


class NoTransaction(RuntimeError):
    """Rows were asked for in no transaction and without a scope, so nothing is shown."""


class GaveUp(Exception):
    """The statement has called `give_up`, and has written nothing; the argument says why."""


class _ScopedTransaction(TransactionWrapper):
    """What the ORM sees of the open transaction: its connection."""

    def __init__(self, client: AsyncpgDBClient, connection: asyncpg.Connection) -> None:
        super().__init__(client)
        self._connection = connection

    async def commit(self) -> None:
        await self._connection.execute("commit")
        self._finalized = True

    async def rollback(self) -> None:
        if not self._connection.is_closed():
            await self._connection.execute("rollback")
        self._finalized = True


_current: ContextVar[tuple[Scope, asyncpg.Connection] | None] = ContextVar("db", default=None)
statement_log: ContextVar[list[str] | None] = ContextVar("statements", default=None)
"""Tests put a list here and count what a request asked of the database."""


class ScopeRouter:
    """Sends the ORM to the connection of the transaction that is open; fails closed."""

    def db_for_read(self, model: Any) -> str:
        return current_scope().role

    db_for_write = db_for_read


async def connect(settings: Settings) -> None:
    """Make the pools. They connect when first used: the API may start before the database."""
    await Tortoise.init(config=orm_config(settings), _enable_global_fallback=True)


async def disconnect() -> None:
    """Close the pools."""
    await Tortoise.close_connections()


@asynccontextmanager
async def transaction(
    scope: Scope, *, read_only: bool = False, one_picture: bool = False
) -> AsyncIterator[None]:
    """Run a use case as one all-or-nothing unit, `one_picture` at one moment; they never nest."""
    if _current.get() is not None:
        raise NestedTransaction
    client = get_connection(scope.role)
    assert isinstance(client, AsyncpgDBClient)
    pool = await _pool(client)
    connection = await _acquired(pool)
    wrapper = _ScopedTransaction(client, connection)
    try:
        # A BEGIN or COMMIT that is cancelled half-way has happened or has not: roll back as well.
        try:
            await connection.execute(scope.begin_statement(read_only, one_picture))
            with _seen_as_current(scope, wrapper, connection):
                yield
            await wrapper.commit()
        except BaseException:
            await _give_up(wrapper, connection)
            raise
    finally:
        await pool.release(connection)


async def read(scope: Scope, sql: str, *values: Any) -> list[asyncpg.Record]:
    """All rows of one SELECT in this scope: a transaction of its own, in one round trip.

    The statement raises its own fence and is its own transaction, so its scope ends with it. Inside
    an open transaction it is a statement of that one, whose scope must be the same
    (`NestedTransaction`).
    """
    current = _current.get()
    if current is not None:
        if current[0] != scope:
            raise NestedTransaction
        return await fetch(sql, *values)
    _note(sql)
    fenced = fenced_statement(sql, values=len(values))
    return await _fetch_alone(scope, fenced, *values, *scope.values)


async def write(
    scope: Scope, statement: Statement, values: Mapping[str, Any]
) -> list[asyncpg.Record]:
    """All rows of a statement that writes: a transaction of its own, in one round trip.

    The statement begins with `fence.FENCE`. It does all of its work, or none where it raises;
    `GaveUp` where it has called `give_up(reason)`. It never stands inside an open transaction
    (`NestedTransaction`).
    """
    if _current.get() is not None:
        raise NestedTransaction
    _note(statement.sql)
    given = {**values, **fence_values(scope.values)}
    try:
        return await _fetch_alone(scope, statement.sql, *statement.values(given))
    except asyncpg.PostgresError as error:
        if error.sqlstate != _GAVE_UP:
            raise
        raise GaveUp(str(error)) from None


async def _fetch_alone(scope: Scope, sql: str, *values: Any) -> list[asyncpg.Record]:
    client = get_connection(scope.role)
    assert isinstance(client, AsyncpgDBClient)
    pool = await _pool(client)
    connection = await _acquired(pool)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
    except BaseException:
        await pool.release(connection, timeout=ACQUIRE_AT_LEAST_SECONDS)
        raise
    await _give_back(connection)
    return rows


async def _give_back(connection: asyncpg.Connection) -> None:
    """Return a connection that has answered and has nothing open.

    `Pool.release` does it in a task of its own, so that nobody cancels it half-way. That costs as
    much as the question, and here it waits for nothing, so there is no half-way.
    """
    connection._con._on_release()
    await connection._holder.release(None)


@contextmanager
def _seen_as_current(
    scope: Scope, wrapper: _ScopedTransaction, connection: asyncpg.Connection
) -> Iterator[None]:
    """Send the ORM's queries and ours to this connection while the use case runs."""
    seen_by_orm = get_connections().set(scope.role, wrapper)
    seen_by_us = _current.set((scope, connection))
    try:
        yield
    finally:
        _current.reset(seen_by_us)
        get_connections().reset(seen_by_orm)


async def _give_up(wrapper: _ScopedTransaction, connection: asyncpg.Connection) -> None:
    """Roll back; a connection that cannot even do that is closed, and the server rolls back."""
    try:
        await wrapper.rollback()
    except BaseException as failure:
        with suppress(asyncpg.InterfaceError):  # it has gone already
            connection.terminate()
        if not isinstance(failure, Exception):
            raise  # cancelled once more; what made us roll back says more than any other failure


def _acquire_timeout_seconds() -> float:
    """How long to wait in line for a connection: a request that may last longer waits longer."""
    return max(ACQUIRE_AT_LEAST_SECONDS, settings_of_process().request_deadline_seconds)


async def _acquired(pool: asyncpg.Pool) -> asyncpg.Connection:
    """A connection of the pool; only who must wait in line pays for a timer."""
    waits = pool.get_idle_size() == 0
    return await pool.acquire(timeout=_acquire_timeout_seconds() if waits else None)


async def _pool(client: AsyncpgDBClient) -> asyncpg.Pool:
    """The client's pool, made at first use."""
    if client._pool is None:
        async with client._pool_init_lock:
            if client._pool is None:
                await client.create_connection(with_db=True)
    assert client._pool is not None
    return client._pool


def current_scope() -> Scope:
    """The scope of the open transaction; `NoTransaction` when there is none."""
    current = _current.get()
    if current is None:
        raise NoTransaction
    return current[0]


def inside_transaction() -> bool:
    """True while a use case of ours holds a connection."""
    return _current.get() is not None


def _connection(sql: str) -> asyncpg.Connection:
    current = _current.get()
    if current is None:
        raise NoTransaction
    _note(sql)
    return current[1]


def _note(sql: str) -> None:
    log = statement_log.get()
    if log is not None:
        log.append(sql)


async def fetch(sql: str, *values: Any) -> list[asyncpg.Record]:
    """All rows of a statement in the open transaction."""
    rows: list[asyncpg.Record] = await _connection(sql).fetch(sql, *values)
    return rows


async def stream(sql: str, *values: Any, at_once: int) -> AsyncIterator[list[asyncpg.Record]]:
    """The rows of a SELECT in the open transaction, so many at a time: never all in memory."""
    cursor = await _connection(sql).cursor(sql, *values)
    while rows := await cursor.fetch(at_once):
        yield rows


async def fetch_row(sql: str, *values: Any) -> asyncpg.Record | None:
    """The first row, or None."""
    return await _connection(sql).fetchrow(sql, *values)


async def fetch_value(sql: str, *values: Any) -> Any:
    """The first column of the first row, or None."""
    return await _connection(sql).fetchval(sql, *values)


async def execute(sql: str, *values: Any) -> int:
    """Run a statement and say how many rows it changed."""
    status = await _connection(sql).execute(sql, *values)
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


async def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for many rows."""
    await _connection(sql).executemany(sql, rows)


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """A part of the open transaction that can be given up alone."""
    await execute("savepoint part")
    try:
        yield
    except BaseException:
        # Rolling back keeps the savepoint: without the release, a savepoint around this one would
        # be hidden by it, since they share their name.
        await execute("rollback to savepoint part")
        await execute("release savepoint part")
        raise
    await execute("release savepoint part")
