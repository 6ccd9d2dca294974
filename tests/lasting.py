"""Connections that last from test to test, for as long as the database is the same one.

A session that has just been opened knows nothing: it reads the catalogue, and parses and plans
every statement anew. In a small test that is nine tenths of what the server does, and most of what
the test costs. So a test process keeps the product's pools, the ORM that was set up for them and
the owner's connection; a test finds them idle and without a trace of the last one, or gets others.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
from tortoise import context as orm_context
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.context import TortoiseContext

from kernel import db
from kernel.orm import ROLES, orm_config
from kernel.settings import Settings


@dataclass(frozen=True)
class _Ours:
    """The product's connections, and what they were made for."""

    made_for: str
    orm: TortoiseContext
    clients: Sequence[AsyncpgDBClient]

    @property
    def connected(self) -> bool:
        """False once a test has disconnected them."""
        return self.orm._connections is not None

    @property
    def pools(self) -> list[asyncpg.Pool]:
        return [client._pool for client in self.clients if client._pool is not None]


class LastingConnections:
    """What this test process keeps open. All of it lives in the loop of the session."""

    def __init__(self) -> None:
        self._ours: _Ours | None = None
        self._owner: asyncpg.Connection | None = None
        self._owner_of = ""

    @asynccontextmanager
    async def connected(self, settings: Settings) -> AsyncIterator[None]:
        """Let the product be connected as these settings say."""
        before = asyncio.all_tasks()
        await self._connect(settings)
        try:
            yield
        finally:
            await _end(asyncio.all_tasks() - before - {asyncio.current_task()})
            self._put_aside()

    @asynccontextmanager
    async def owner(self, url: str) -> AsyncIterator[asyncpg.Connection]:
        """Lend the owner's connection to a database."""
        if self._owner is None or self._owner_of != url or self._owner.is_closed():
            self._owner, self._owner_of = await asyncpg.connect(url), url
        owner = self._owner
        try:
            yield owner
        finally:
            if _is_free(owner) and not owner._listeners:
                await owner.reset()
            else:
                owner.terminate()

    def sessions(self) -> list[int]:
        """The server's ids of the sessions that the next test may find."""
        return [one.get_server_pid() for one in self._connections()]

    def hang_up(self) -> None:
        """Leave: the database will be another one."""
        for pool in self._ours.pools if self._ours is not None else ():
            pool.terminate()
        if self._owner is not None:
            self._owner.terminate()
        self._ours = self._owner = None

    async def leave(self) -> None:
        """Leave, and see the connections closed."""
        self.hang_up()
        await asyncio.sleep(0)

    async def _connect(self, settings: Settings) -> None:
        made_for = repr(orm_config(settings)["connections"])
        if self._ours is not None and self._ours.made_for == made_for and self._ours.connected:
            orm_context._global_context = self._ours.orm
            return
        if self._ours is not None:
            for pool in self._ours.pools:
                pool.terminate()
        self._ours = None
        # In a task of its own: else the ORM would be set up for the caller, whoever has it aside.
        await asyncio.create_task(db.connect(settings))
        orm = orm_context._global_context
        assert orm is not None
        clients = [cast(AsyncpgDBClient, orm.connections.get(role)) for role in ROLES]
        self._ours = _Ours(made_for, orm, clients)

    def _put_aside(self) -> None:
        """Outside a test nobody is connected, and nothing is open."""
        orm_context._global_context = None
        if self._ours is None:
            return
        for client in self._ours.clients:
            pool = client._pool
            if pool is not None and not all(map(_is_idle, pool._holders)):
                pool.terminate()
                client._pool = None

    def _connections(self) -> Iterator[asyncpg.Connection]:
        pools = self._ours.pools if self._ours is not None else []
        for pool in pools:
            yield from (holder._con for holder in pool._holders if holder._con is not None)
        if self._owner is not None and not self._owner.is_closed():
            yield self._owner


def _is_idle(holder: Any) -> bool:
    """Nobody has taken the place in the pool, and its connection is as it was."""
    return holder._con is None or (holder._in_use is None and _is_free(holder._con))


def _is_free(connection: asyncpg.Connection) -> bool:
    return not connection.is_closed() and not connection.is_in_transaction()


async def _end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """End what a test has left running, as the end of its loop would."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
