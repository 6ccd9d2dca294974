"""A few statements to a PostgreSQL server, one connection each, for code that does not await."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 60.0


def fetch_value(url: str, statement: str, *arguments: object) -> Any:
    """Run one statement and return the first value of its first row.

    Errors: OSError, TimeoutError and asyncpg.PostgresError as they come.
    """

    async def ask() -> Any:
        connection = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS
        )
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close(timeout=CONNECT_SECONDS)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(ask())
    # A caller inside an event loop waits for one in another thread.
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, ask()).result()
