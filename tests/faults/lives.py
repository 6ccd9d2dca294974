"""The product's processes with cheap lives: a crash test ends and starts them dozens of times.

Each life is forked from one process that has the product's modules imported already, so it begins
in a tenth of a second. It runs the very command that `processes.Process` would run.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from processes import Process

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["entrypoints.asgi", "entrypoints.worker", "sandbox.stripe.app"])
_WATCH_SECONDS = 0.02


def _live(command: list[str], environment: Mapping[str, str], log: Path) -> None:
    """Become `python -m …`: a command is [python, "-m", module, *arguments]."""
    from kernel.settings import settings  # noqa: PLC0415 - read in the fork, after it is one

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    sys.argv = command[2:]
    runpy.run_module(command[2], run_name="__main__", alter_sys=True)


@dataclass
class Life(Process):
    """A process whose lives are forks."""

    fork: ForkServerProcess | None = None

    def start(self, **extra: str) -> None:
        """Begin a life, with more environment for this one only."""
        self.fork = _FORKS.Process(
            target=_live, args=(self.command, {**self.environment, **extra}, self.log)
        )
        self.fork.start()

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.fork is not None:
            self.fork.kill()
            self.fork.join()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not listen."""
        if self.fork is None:
            return
        self.fork.terminate()
        self.fork.join(10)
        self.kill()

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self.fork is not None and self.fork.is_alive()

    @property
    def ended_by(self) -> signal.Signals | None:
        """The signal that ended the last life; None for an end of another kind."""
        code = self.fork.exitcode if self.fork is not None else None
        return signal.Signals(-code) if code is not None and code < 0 else None


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
                assert isinstance(life, Life)
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
