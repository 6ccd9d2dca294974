"""All rows of a database, taken once and put back into fresh ones of the same schema."""

from dataclasses import dataclass
from io import BytesIO
from typing import Self

import asyncpg

_TABLES = """
    select c.relname as name,
           array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname order by c.relname
"""
_SEQUENCES = """
    select format('%I.%I', schemaname, sequencename) as name,
           coalesce(last_value, start_value) as value, last_value is not null as called
    from pg_sequences where schemaname = 'public'
"""


@dataclass(frozen=True)
class Snapshot:
    """Rows by table, and where the sequences stand."""

    rows: dict[str, tuple[list[str], bytes]]
    sequences: list[asyncpg.Record]

    @classmethod
    async def take(cls, owner: asyncpg.Connection) -> Self:
        """Copy what stands in the database."""
        rows = {}
        for table in await owner.fetch(_TABLES):
            copied = BytesIO()
            await owner.copy_from_table(
                table["name"], columns=table["columns"], output=copied, format="binary"
            )
            rows[table["name"]] = (table["columns"], copied.getvalue())
        empty = min(len(copied) for _, copied in rows.values())
        return cls(
            {name: found for name, found in rows.items() if len(found[1]) > empty},
            await owner.fetch(_SEQUENCES),
        )

    async def put_back(self, owner: asyncpg.Connection) -> None:
        """Let a fresh database hold these rows and no others; no trigger fires."""
        async with owner.transaction():
            await owner.execute("set local session_replication_role = replica")
            await owner.execute(";".join(f"delete from {name}" for name in self.rows))
            for name, (columns, copied) in self.rows.items():
                await owner.copy_to_table(
                    name, columns=columns, source=BytesIO(copied), format="binary"
                )
            await owner.executemany(
                "select setval($1::text::regclass, $2, $3)",
                [(one["name"], one["value"], one["called"]) for one in self.sequences],
            )
