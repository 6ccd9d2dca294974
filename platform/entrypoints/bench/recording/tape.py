"""What went over the wire to the database, as asyncpg tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tortoise.connection import get_connection

from entrypoints.bench.recording.scripts import Recorded
from kernel import db


@dataclass(slots=True)
class Tape:
    """Every statement, with its arguments, while the tape is on."""

    on: bool = False
    statements: list[Recorded] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)

    async def listen(self) -> None:
        """Be told of the first connection of each pool; the pools must have no
        more than one."""
        for role in (db.SHOP, db.CORE):
            async with get_connection(role).acquire_connection() as connection:
                connection.add_query_logger(self.note)

    def note(self, query: Any) -> None:
        """Keep a statement; asyncpg calls it after each."""
        if self.on:
            self.statements.append(Recorded(query.query, tuple(query.args or ())))
            self.roles.add(query.conn_params.user)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record inside the block only."""
        self.statements, self.on = [], True
        try:
            yield
        finally:
            self.on = False
