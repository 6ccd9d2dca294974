"""Work that a request begins and nobody waits for."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from kernel.log import get_logger

log = get_logger(__name__)


class Background:
    """Small work beside the requests of this process. What fails is logged, and that is all: only
    what may be lost belongs here."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Run this beside what runs now. Nothing of the request goes with it."""
        task = asyncio.create_task(self._run(work), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def all_done(self) -> None:
        """Wait for what was begun in this loop so far."""
        loop = asyncio.get_running_loop()
        tasks = [task for task in self._tasks if task.get_loop() is loop]
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:
            log.warning(f"{self._name}_failed", error_class=type(error).__name__)
