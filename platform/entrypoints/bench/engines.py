"""Where a run happens: servers, a folder for its files, and the market to be measured."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from entrypoints.bench.children import product_environment, run_module
from entrypoints.bench.context import Bench
from entrypoints.bench.databases import market_template
from entrypoints.bench.limit import find_pgbench
from entrypoints.bench.market.sealed_keys import SealingPlan
from entrypoints.bench.timing import Size, Timing
from entrypoints.embedded import erase_engines, start_engines, stop_engines
from kernel.settings import Settings, settings

SEALED_EACH: Final = 3
SEALED_OF_FIRST: Final = 200
"""Of the first SKU, which the hot workloads sell alone."""


@asynccontextmanager
async def engines(*, keep: bool = False) -> AsyncIterator[Settings]:
    """Hand out the settings with both engines' URLs: those given, or of engines
    for the bench alone, which are erased after, or with `keep` only stopped."""
    given = settings()
    directory = (given.data_dir / "bench").absolute()
    started = await asyncio.to_thread(
        start_engines, directory, database_url=given.database_url, redis_url=given.redis_url
    )
    try:
        yield given.model_copy(
            update={"database_url": started.database_url, "redis_url": started.redis_url}
        )
    finally:
        if started.postgres is not None or started.valkey is not None:
            await asyncio.to_thread(stop_engines if keep else erase_engines, directory)


@asynccontextmanager
async def planted(
    config: Settings,
    size: Size,
    timing: Timing,
    *,
    say: Callable[[str], object],
    keep: bool = False,
    with_limit: bool = True,
    to_copy: bool = True,
) -> AsyncIterator[Bench]:
    """Plant a market and hand out all that a measurement needs. Without `to_copy` one place
    alone may be opened in it, which takes the filled database itself."""
    with tempfile.TemporaryDirectory(prefix="kameng-bench-") as folder:
        logs = Path(folder)
        pgbench = await find_pgbench(logs)

        async def seal(database_url: str) -> None:
            plan = logs / "sealing.json"
            SealingPlan(SEALED_EACH, SEALED_OF_FIRST).write(plan)
            await run_module(
                "entrypoints.bench.market.sealed_keys",
                arguments=[plan, logs / "sealed.json"],
                environment=product_environment(config, database_url=database_url, logs=logs),
                log_file=logs / "sealing.log",
            )

        template = market_template(config, size, seal=seal, say=say, keep=keep)
        async with template as (url, market):
            yield Bench(config, url, market, size, timing, pgbench, logs, say, with_limit, to_copy)
