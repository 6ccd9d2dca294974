"""What a bench has left on the server."""

import asyncpg

from entrypoints.bench.databases import KEPT, PREFIX
from kernel.settings import Settings


async def databases_of(config: Settings, process: int) -> list[str]:
    """The databases that a bench in this process has made and not dropped."""
    return await _databases(config, f"{PREFIX}{process}_")


async def kept_databases(config: Settings) -> list[str]:
    """The markets that somebody has wanted to keep."""
    return await _databases(config, KEPT)


async def _databases(config: Settings, prefix: str) -> list[str]:
    connection = await asyncpg.connect(config.database_url)
    try:
        rows = await connection.fetch(
            "select datname from pg_database where starts_with(datname, $1)", prefix
        )
    finally:
        await connection.close()
    return [row["datname"] for row in rows]
