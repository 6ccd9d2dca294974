"""`kameng bench`: choose, prepare, measure, tell."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console

from entrypoints.bench.databases import market_template
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import find_pgbench
from entrypoints.bench.measurement import Bench, Measurement
from entrypoints.bench.progress import steps
from entrypoints.bench.report import Row, print_rows, write_json
from entrypoints.bench.timing import Size, Timing
from entrypoints.bench.workloads import Workload, chosen_workloads
from entrypoints.embedded import EngineFailed, erase_engines, start_engines
from kernel.settings import Settings, settings

DONE, FAILED, STOPPED = 0, 1, 130
"""Exit codes. A run with a wrong answer in it has failed."""
MOST_CLIENTS: Final = 64
TABLE_WIDTH: Final = 130
_FAILURES: Final = (
    BenchFailed,
    EngineFailed,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
STEPS_WITHOUT_ROUNDS: Final = 4
"""Of a measurement: databases, processes, recording, and checking the books."""


@dataclass(slots=True)
class _Run:
    """What was asked for, and what has come of it so far."""

    cells: list[tuple[Workload, int]]
    timing: Timing
    size: Size
    console: Console
    rows: list[Row] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        whole = len(self.rows) == len(self.cells) and not any(one.errors for one in self.rows)
        return DONE if whole else FAILED

    @property
    def steps(self) -> int:
        return 1 + len(self.cells) * (STEPS_WITHOUT_ROUNDS + 2 * self.timing.rounds)


async def bench(
    *,
    names: Sequence[str] = (),
    clients: str = "",
    scale: float = 1.0,
    quick: bool = False,
    json_file: Path | None = None,
) -> int:
    """This function will measure the named workloads, or all, print the rows, and return the exit
    code: 0 when all was measured, 1 when something failed, 130 when somebody stopped it.

    `clients`, like "1,8,32", replaces each workload's own numbers of clients; `scale` multiplies
    the data. The databases are made on the server of DATABASE_URL, or on an embedded one, and
    dropped after.
    """
    console = _console()
    try:
        cells = _cells(chosen_workloads(names), _numbers(clients))
    except BenchFailed as failure:
        console.print(str(failure), style="red", markup=False)
        return FAILED
    run = _Run(cells, Timing.quick() if quick else Timing(), Size.of(scale), console)
    try:
        with _stopped_by_signals():
            await _measure(run)
    except _FAILURES as failure:
        console.print(f"{type(failure).__name__}: {failure}", style="red", markup=False)
    except asyncio.CancelledError:
        return STOPPED
    finally:
        if run.rows:
            print_rows(run.rows, console)
        if json_file is not None:
            write_json(json_file, run.rows, timing=run.timing, size=run.size)
    return run.exit_code


def _console() -> Console:
    """A terminal as it is; a file or a pipe as wide as the table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=TABLE_WIDTH)


def _numbers(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() and 1 <= int(word) <= MOST_CLIENTS for word in words):
        raise BenchFailed(f"A workload has 1 to {MOST_CLIENTS} clients, for example: 1,8,32.")
    return [int(word) for word in words]


def _cells(workloads: Sequence[Workload], clients: Sequence[int]) -> list[tuple[Workload, int]]:
    return [(one, count) for one in workloads for count in clients or one.clients]


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
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


async def _measure(run: _Run) -> None:
    with tempfile.TemporaryDirectory(prefix="kameng-bench-") as folder:
        pgbench = await find_pgbench(Path(folder))
        async with _engines() as config:
            with steps(run.console, total=run.steps) as say:
                say(f"Data: {run.size.shops} shops, {run.size.skus} SKUs")
                async with market_template(config, run.size) as (url, market):
                    bench = Bench(config, url, market, run.timing, pgbench, Path(folder), say)
                    for workload, clients in run.cells:
                        run.rows.append(await Measurement(bench, workload, clients).run())


@asynccontextmanager
async def _engines() -> AsyncIterator[Settings]:
    """The settings with both engines' URLs: those given, or of engines for this run alone."""
    given = settings()
    directory = (given.data_dir / "bench").absolute()
    engines = await asyncio.to_thread(
        start_engines, directory, database_url=given.database_url, redis_url=given.redis_url
    )
    try:
        yield given.model_copy(
            update={"database_url": engines.database_url, "redis_url": engines.redis_url}
        )
    finally:
        if engines.postgres is not None or engines.valkey is not None:
            await asyncio.to_thread(erase_engines, directory)
