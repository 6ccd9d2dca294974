"""Which values of a recorded operation the database had chosen: the ids of the held keys."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import asyncpg

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.recording.scripts import Answer, Recorded


async def answers_of(
    owner: asyncpg.Connection, statements: Sequence[Recorded]
) -> dict[UUID, Answer]:
    """Find the keys that the operation used, and which statement gave each.

    Raises `BenchFailed` when no statement before a key's first use returns ids of keys.
    """
    first_use: dict[UUID, int] = {}
    for place, statement in enumerate(statements):
        for identifier in ids_in(statement.values):
            first_use.setdefault(identifier, place)
    chosen = await owner.fetch("select id from keys where id = any ($1)", list(first_use))
    by_use = sorted((row["id"] for row in chosen), key=lambda one: first_use[one])
    return {
        one: await _giver(owner, statements, before=first_use[one], nth=nth)
        for nth, one in enumerate(by_use, start=1)
    }


async def _giver(
    owner: asyncpg.Connection, statements: Sequence[Recorded], *, before: int, nth: int
) -> Answer:
    """The last statement that returned a key before it was first used: as an id, or in an array
    of ids, where the key is the `nth`."""
    for place in reversed(range(before)):
        sql = statements[place].sql
        if "keys" not in sql or "returning" not in sql.lower():
            continue
        columns = [
            column
            for column in (await owner.prepare(sql)).get_attributes()
            if column.type.name in ("uuid", "uuid[]")
        ]
        for column in sorted(columns, key=lambda one: "key" not in one.name):
            return Answer(place, column.name, nth if column.type.name == "uuid[]" else 0)
    raise BenchFailed("the operation uses a key that no statement of it returns")


def ids_in(values: Sequence[object]) -> Iterator[UUID]:
    """Yield every id among arguments, those in arrays included."""
    for value in values:
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, list | tuple):
            yield from ids_in(value)
