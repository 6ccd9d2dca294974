"""The worker process: it sweeps until told to stop.

Two workers may run; rows are claimed with SKIP LOCKED and conditional updates. A sweep that fails
is logged and tried again.
"""

import asyncio
import signal

from entrypoints.sweep import Sweep
from entrypoints.sweeps import SWEEPS, webhooks
from kernel import db, valkey
from kernel.log import configure_logging, get_logger
from kernel.settings import settings

log = get_logger(__name__)


async def run(stop: asyncio.Event) -> None:
    """Sweep until told to stop; what is under way is finished first."""
    await db.connect(settings())
    try:
        await asyncio.gather(*(_repeat(sweep, stop) for sweep in SWEEPS))
        await webhooks.finish()
    finally:
        await valkey.close()
        await db.disconnect()


async def _repeat(sweep: Sweep, stop: asyncio.Event) -> None:
    name = getattr(sweep.work, "__name__", "sweep")
    while not stop.is_set():
        try:
            done = await sweep.work()
        except Exception as error:  # a sweep must never end: it is tried again
            log.error("sweep_failed", sweep=name, exc_info=error)
            done = 0
        if sweep.batch is not None and done >= sweep.batch:
            continue
        try:
            await asyncio.wait_for(stop.wait(), sweep.every_seconds)
        except TimeoutError:
            continue


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    configure_logging()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await run(stop)

    asyncio.run(until_stopped())
