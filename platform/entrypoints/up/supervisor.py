"""Starts a plan, watches it, and leaves nothing behind."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Mapping
from contextlib import suppress

from entrypoints.embedded import EngineFailed, Engines, start_engines
from entrypoints.embedded.log import tail
from entrypoints.up.child import spawn, terminate
from entrypoints.up.errors import UpFailed
from entrypoints.up.keeper import Keeper
from entrypoints.up.plan import Plan, Step
from entrypoints.up.progress import Progress
from entrypoints.up.summary import show_summary

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENGINE_CHECK_SECONDS = 2.0


class Stopped(Exception):
    """A person asked for the end; not an error."""


class Supervisor:
    """One run of one plan."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._logs = plan.data_dir / "logs"
        self._stop = asyncio.Event()
        self._engines: Engines | None = None
        self._keepers: list[Keeper] = []

    async def run(self) -> int:
        """Run until a stop signal and return the exit code.

        0 after a wished-for stop; 1 when something could not be started, with the reason said.
        """
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        try:
            await self._start()
            show_summary(self._plan, self._progress)
            await self._watch_engines()
        except Stopped:
            return 0
        except (EngineFailed, UpFailed) as error:
            self._progress.fail(str(error))
            return 1
        finally:
            await self._end()
        return 0

    async def _start(self) -> None:
        self._logs.mkdir(mode=0o700, exist_ok=True)
        for note in self._plan.notes:
            self._progress.say(note)
        environment = await self._start_engines()
        for step in self._plan.steps:
            with self._progress.stage(step.title):
                await self._unless_stopped(self._run_step(step, environment))
        names = ", ".join(service.name for service in self._plan.services)
        with self._progress.stage(f"Processes: {names}"):
            for service in self._plan.services:
                keeper = Keeper(
                    service, environment=environment, logs=self._logs, say=self._progress.say
                )
                self._keepers.append(keeper)
                keeper.start()
            for keeper in self._keepers:
                await self._unless_stopped(keeper.wait_until_healthy())

    async def _start_engines(self) -> Mapping[str, str]:
        """Returns the whole environment of the children."""
        with self._progress.stage("PostgreSQL and Valkey"):
            self._engines = await asyncio.to_thread(
                start_engines,
                self._plan.data_dir,
                database_url=self._plan.database_url,
                redis_url=self._plan.redis_url,
            )
        return {
            **os.environ,
            **self._plan.environment,
            "DATABASE_URL": self._engines.database_url,
            "REDIS_URL": self._engines.redis_url,
        }

    async def _run_step(self, step: Step, environment: Mapping[str, str]) -> None:
        log_file = self._logs / f"{step.name}.log"
        child = await spawn(step.command, environment=environment, log_file=log_file)
        try:
            code = await child.wait()
        finally:
            await terminate(child)
        if code != 0:
            raise UpFailed(f"{step.title} failed. The end of {log_file}:\n{tail(log_file)}")

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Wait for `work`, or give it up when a person asks for the end."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            raise Stopped
        task.result()

    async def _watch_engines(self) -> None:
        """Until the end: an engine that was killed is started again, its clients reconnect."""
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), ENGINE_CHECK_SECONDS)
                return
            if self._engines is not None:
                for name in await asyncio.to_thread(self._engines.revive):
                    self._progress.say(f"{name} had died and was started again.")

    async def _end(self) -> None:
        self._progress.say("Stopping ...")
        for keeper in reversed(self._keepers):
            await keeper.stop()
        if self._engines is not None:
            try:
                await asyncio.to_thread(self._engines.stop)
            except EngineFailed as error:
                self._progress.fail(str(error))
        self._progress.say("Stopped.")


def supervise(plan: Plan, progress: Progress) -> int:
    """Run a plan until Ctrl-C and return the exit code."""

    async def run() -> int:
        return await Supervisor(plan, progress).run()

    return asyncio.run(run())
