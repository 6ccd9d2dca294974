"""Processes that are started again whenever they die."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from processes import Process

_WATCH_SECONDS = 0.02


@asynccontextmanager
async def always_revived(*lives: Process, crash_at: Sequence[str] = ()) -> AsyncIterator[list[str]]:
    """Start each process again as soon as it has died; gives the names of those that did.

    The next lives die at these points in the code, one each.
    """
    deaths: list[str] = []
    points = list(crash_at)

    async def watch() -> None:
        while True:
            for life in lives:
                if not life.alive:
                    assert life.ended_by is signal.SIGKILL, f"{life.name} ended by itself"
                    deaths.append(life.name)
                    life.start(**({"KAMENG_CRASH_AT": points.pop(0)} if points else {}))
            await asyncio.sleep(_WATCH_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield deaths
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
