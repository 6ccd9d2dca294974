"""`kameng bench`: choose, prepare, measure, tell."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from entrypoints.bench.databases import market_template
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import find_pgbench
from entrypoints.bench.measurement import Bench, Measurement
from entrypoints.bench.report import Row, print_rows, write_json
from entrypoints.bench.timing import Size, Timing
from entrypoints.bench.workloads import Workload, chosen_workloads
from entrypoints.embedded import EngineFailed, erase_engines, start_engines
from kernel.settings import Settings, settings

DONE, FAILED, STOPPED = 0, 1, 130
"""Exit codes. A run with a wrong answer in it has failed."""
MOST_CLIENTS: Final = 64


async def bench(
    *,
    names: Sequence[str] = (),
    clients: Sequence[int] = (),
    scale: float = 1.0,
    quick: bool = False,
    json_file: Path | None = None,
) -> int:
    """This function will measure the named workloads, or all, print the rows, and return the exit
    code: 0, or 1 when anything failed, with the reason said.

    `clients` replaces each workload's own numbers of clients; `scale` multiplies the data. The
    databases are made on the server of DATABASE_URL, or on an embedded one, and dropped after.
    """
    console = Console(highlight=False)
    timing, size = (Timing.quick() if quick else Timing()), Size.of(scale)
    rows: list[Row] = []
    try:
        cells = _cells(chosen_workloads(names), clients)
        with _stopped_by_sigterm():
            async with _engines() as config:
                await _measure(config, cells, timing=timing, size=size, rows=rows, console=console)
    except* (BenchFailed, EngineFailed, asyncpg.PostgresError, OSError) as failures:
        for failure in _each(failures):
            console.print(str(failure), style="red", markup=False)
    finally:
        if rows:
            print_rows(rows, console)
        if json_file is not None:
            write_json(json_file, rows, timing=timing, size=size)
    complete = len(rows) == len(cells) and not any(one.errors for one in rows)
    return DONE if complete else FAILED
