"""`kameng bench`: choose, prepare, measure, tell."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from entrypoints.bench.choice import Measure, chosen
from entrypoints.bench.conditions import Conditions, read_conditions
from entrypoints.bench.engines import engines, planted
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.progress import steps
from entrypoints.bench.report import print_rows, write_json
from entrypoints.bench.rows import Row
from entrypoints.bench.stopping import DONE, FAILED, FAILURES, STOPPED, stopped_by_signals
from entrypoints.bench.timing import Size, Timing

MOST_CLIENTS: Final = 200
TABLE_WIDTH: Final = 140
STEPS_WITHOUT_ROUNDS: Final = 6
"""Of a measurement, about: databases, processes, questions, recording, and checking the books."""


@dataclass(slots=True)
class _Run:
    """What was asked for, and what has come of it so far."""

    cells: list[tuple[Measure, int]]
    timing: Timing
    size: Size
    console: Console
    conditions: Conditions | None = None
    rows: list[Row] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        whole = len(self.rows) == len(self.cells) and not any(one.errors for one in self.rows)
        return DONE if whole else FAILED

    @property
    def steps(self) -> int:
        return 3 + len(self.cells) * (STEPS_WITHOUT_ROUNDS + 2 * self.timing.rounds)


async def bench(
    *,
    names: Sequence[str] = (),
    clients: str = "",
    size: Size | None = None,
    quick: bool = False,
    keep: bool = False,
    json_file: Path | None = None,
) -> int:
    """Measure the named workloads, or all, print the rows, and return the exit
    code: 0 when all was measured, 1 when something failed, 130 when somebody stopped it.

    `clients`, like "1,8,32", replaces each workload's own numbers of clients. The databases are
    made on the server of DATABASE_URL, or on an embedded one, and dropped after; with `keep` the
    filled one stays, and a later run of the same size takes it up.
    """
    console = console_for_tables()
    try:
        cells = _cells(chosen(names), _numbers(clients))
    except BenchFailed as failure:
        console.print(str(failure), style="red", markup=False)
        return FAILED
    run = _Run(cells, Timing.quick() if quick else Timing(), size or Size(), console)
    try:
        with stopped_by_signals():
            await _measure(run, keep=keep)
    except FAILURES as failure:
        console.print(f"{type(failure).__name__}: {failure}", style="red", markup=False)
    except asyncio.CancelledError:
        return STOPPED
    finally:
        if run.rows:
            print_rows(run.rows, console)
        if json_file is not None and run.conditions is not None:
            write_json(
                json_file,
                run.rows,
                conditions=run.conditions,
                timing=run.timing,
                size=run.size,
            )
    return run.exit_code


def console_for_tables() -> Console:
    """Take a terminal as it is, and a file or a pipe as wide as the table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=TABLE_WIDTH)


def _numbers(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() and 1 <= int(word) <= MOST_CLIENTS for word in words):
        raise BenchFailed(f"A workload has 1 to {MOST_CLIENTS} clients, for example: 1,8,32.")
    return [int(word) for word in words]


def _cells(measures: Sequence[Measure], clients: Sequence[int]) -> list[tuple[Measure, int]]:
    """Each measure with each number of clients; what has a number of its own keeps it."""
    return [
        (one, count)
        for one in measures
        for count in (clients if clients and one.takes_clients else one.clients)
    ]


async def _measure(run: _Run, *, keep: bool) -> None:
    async with engines(keep=keep) as config:
        run.conditions = await read_conditions(config.database_url)
        with steps(run.console, total=run.steps) as say:
            async with planted(config, run.size, run.timing, say=say, keep=keep) as bench:
                for measure, clients in run.cells:
                    run.rows.append(await measure.run(bench, clients))
