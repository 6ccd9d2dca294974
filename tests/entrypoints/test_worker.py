"""The worker pauses when there is nothing left to do, and not before."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from entrypoints.sweep import Sweep
from entrypoints.worker import _repeat

MINUTES = 600.0


async def times_without_a_pause(found: Iterable[int], *, batch: int | None) -> int:
    """How often a sweep is made that finds so much each time, before the worker pauses."""
    finds = iter(found)
    made = 0
    paused = asyncio.Event()

    class Stop(asyncio.Event):
        async def wait(self) -> Literal[True]:  # who waits for the end pauses
            paused.set()
            return await super().wait()

    async def work() -> int:
        nonlocal made
        made += 1
        return next(finds)

    stop = Stop()
    sweeping = asyncio.create_task(
        _repeat(Sweep(work=work, every_seconds=MINUTES, batch=batch), stop)
    )
    await asyncio.wait_for(paused.wait(), MINUTES)
    stop.set()
    await sweeping
    return made


async def test_a_whole_batch_is_followed_by_the_next_at_once() -> None:
    assert await times_without_a_pause([20, 20, 7, 20], batch=20) == 3


async def test_a_sweep_that_does_all_there_is_pauses_however_much_it_did() -> None:
    assert await times_without_a_pause([1_000, 1_000], batch=None) == 1


async def test_a_sweep_that_fails_pauses() -> None:
    assert await times_without_a_pause((1 // 0 for _ in range(1)), batch=20) == 1
