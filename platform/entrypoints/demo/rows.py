"""Rows with ids made of their names, and inserts that leave alone what is there."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID, uuid5

import orjson

from kernel import db

_NAMESPACE: Final = UUID("6b616d65-6e67-5d65-8d6f-64656d6f0001")


def demo_id(kind: str, name: str) -> UUID:
    """Return the id of a thing of the demo, the same on every machine."""
    return uuid5(_NAMESPACE, f"{kind}:{name}")


async def insert_missing(table: str, rows: Sequence[Mapping[str, object]]) -> int:
    """Insert rows in the open transaction and say how many were missing.

    A row that is there already, by whichever key, stays as it is. All rows have the same columns.
    Only our own words get into the statement.
    """
    if not rows:
        return 0
    columns = ", ".join(rows[0])
    return await db.execute(
        f"""insert into {table} ({columns})
            select {columns} from jsonb_populate_recordset(null::{table}, $1::text::jsonb)
            on conflict do nothing""",
        orjson.dumps(rows, default=str).decode(),  # asyncpg has a UUID of its own
    )
