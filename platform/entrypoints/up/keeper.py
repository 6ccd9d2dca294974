"""Keeps one service running."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from entrypoints.embedded.log import tail
from entrypoints.up.child import spawn, terminate
from entrypoints.up.errors import UpFailed
from entrypoints.up.plan import Service

LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
HEALTH_SECONDS = 60.0
HEALTH_PAUSE_SECONDS = 0.1
HOPELESS_CRASHES = 3


class Keeper:
    """One service: started, watched, started again with growing pauses, stopped."""

    def __init__(
        self,
        service: Service,
        *,
        environment: Mapping[str, str],
        logs: Path,
        say: Callable[[str], None],
    ) -> None:
        self.service = service
        self.crashes = 0
        self._environment = environment
        self._log_file = logs / f"{service.name}.log"
        self._say = say
        self._child: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the service and go on watching it in the background."""
        self._task = asyncio.create_task(self._keep_running(), name=self.service.name)

    async def stop(self) -> None:
        """End the service and return when nothing of it is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._child is not None:
            await terminate(self._child, grace_seconds=self.service.grace_seconds)

    async def wait_until_healthy(self) -> None:
        """Return when the service answers at its health address.

        Errors: UpFailed with the end of its log, when it keeps crashing or stays silent.
        """
        if self.service.health_url is None:
            return
        deadline = time.monotonic() + HEALTH_SECONDS
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            while not await _is_healthy(client, self.service.health_url):
                if self.crashes >= HOPELESS_CRASHES or time.monotonic() > deadline:
                    raise UpFailed(
                        f"The {self.service.name} does not come up. The end of {self._log_file}:\n"
                        f"{tail(self._log_file)}"
                    )
                await asyncio.sleep(HEALTH_PAUSE_SECONDS)

    async def _keep_running(self) -> None:
        pause_seconds = self.service.first_pause_seconds
        while True:
            started = time.monotonic()
            self._child = await spawn(
                self.service.command, environment=self._environment, log_file=self._log_file
            )
            code = await self._child.wait()
            self.crashes += 1
            if time.monotonic() - started > STEADY_SECONDS:
                pause_seconds = self.service.first_pause_seconds
            self._say(
                f"The {self.service.name} has ended ({_reason(code)}); it starts again in "
                f"{pause_seconds:g} s. Its log: {self._log_file}"
            )
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


async def _is_healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
