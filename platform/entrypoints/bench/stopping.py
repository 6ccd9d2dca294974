"""A run that somebody stops: it ends in order, and what it has made is taken away."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
import httpx

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.load.answers import WrongAnswer
from entrypoints.embedded import EngineFailed

DONE, FAILED, STOPPED = 0, 1, 130
"""Exit codes. A run with a wrong answer in it has failed."""
FAILURES: Final = (
    BenchFailed,
    WrongAnswer,
    EngineFailed,
    OSError,
    TimeoutError,
    httpx.HTTPError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
"""What can go wrong without the bench being wrong; a person is told in one line."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """The first Ctrl-C or SIGTERM stops the run; what it has made is then taken away in peace."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
