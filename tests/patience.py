"""Waiting for what happens at once on an idle machine, and later on one that has other work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

PATIENCE_SECONDS = 180.0
"""The end of all waiting: what has not happened by then does not happen."""
_LOOK_EVERY_SECONDS = 0.01

Value = TypeVar("Value")


async def until(
    look: Callable[[], Awaitable[Value]], is_right: Callable[[Value], bool] = bool
) -> Value:
    """Look again until it is right, and return what was seen."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_right(seen := await look()):
        assert time.monotonic() < end, f"still {seen!r} after {PATIENCE_SECONDS} seconds"
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return seen


async def until_true(holds: Callable[[], object]) -> None:
    """Wait until something in this process holds."""

    async def look() -> bool:
        return bool(holds())

    await until(look)


async def until_somebody_waits(
    onlooker: asyncpg.Connection, *, wait_event_type: str = "Lock", at_least: int = 1
) -> None:
    """Wait until so many of the product's sessions wait for this: a lock, or
    the end of a `pg_sleep` ("Timeout")."""

    async def waiting() -> int:
        number: int = await onlooker.fetchval(
            """select count(*) from pg_stat_activity where datname = current_database()
               and application_name like 'kameng-%' and wait_event_type = $1""",
            wait_event_type,
        )
        return number

    await until(waiting, lambda number: number >= at_least)
