"""`kameng bench growth`: measure along each curve, write it down, draw it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from entrypoints.bench.conditions import read_conditions
from entrypoints.bench.context import Bench
from entrypoints.bench.engines import engines, planted
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.growth.curve import Curve, Line, Point
from entrypoints.bench.growth.curves import Growth, Step, chosen_growths
from entrypoints.bench.growth.files import draw_all, write_curve
from entrypoints.bench.measurement import Measurement
from entrypoints.bench.progress import steps
from entrypoints.bench.rows import Row
from entrypoints.bench.stopping import DONE, FAILED, FAILURES, STOPPED, stopped_by_signals
from entrypoints.bench.timing import Size, Timing
from entrypoints.bench.workloads import WORKLOADS, Workload
from kernel.settings import Settings

STEPS_OF_MEASUREMENT = 6


@dataclass(slots=True)
class _Curves:
    """What was asked for, and what was measured so far."""

    growths: tuple[Growth, ...]
    most: int | None
    full: bool
    size: Size
    timing: Timing
    folder: Path
    console: Console
    whole: bool = True

    def points(self, growth: Growth) -> tuple[int, ...]:
        return growth.bounded(self.most, full=self.full)

    @property
    def steps(self) -> int:
        cells = sum(len(self.points(one)) * len(one.workloads) for one in self.growths)
        return cells * STEPS_OF_MEASUREMENT


async def grow(
    *,
    names: Sequence[str] = (),
    most: int | None = None,
    full: bool = False,
    quick: bool = False,
    scale: float = 1.0,
    folder: Path,
) -> int:
    """Measure the named curves, or all, and write a JSON file and a picture of
    each into `folder`; returns the exit code: 0 when all was measured, 1 when something failed,
    130 when somebody stopped it.

    `most` bounds the points of every curve; without it `full` takes all of them.
    """
    console = Console(highlight=False)
    try:
        growths = chosen_growths(names)
    except BenchFailed as failure:
        console.print(str(failure), style="red", markup=False)
        return FAILED
    timing = Timing.quick() if quick else Timing(rounds=1)
    curves = _Curves(growths, most, full, Size.of(scale), timing, folder, console)
    try:
        with stopped_by_signals():
            await _measure_all(curves)
    except FAILURES as failure:
        console.print(f"{type(failure).__name__}: {failure}", style="red", markup=False)
        return FAILED
    except asyncio.CancelledError:
        return STOPPED
    return DONE if curves.whole else FAILED


async def _measure_all(curves: _Curves) -> None:
    async with engines() as config:
        conditions = asdict(await read_conditions(config.database_url))
        conditions |= {"window_seconds": curves.timing.window_seconds}
        with steps(curves.console, total=curves.steps) as say:
            for growth in curves.growths:
                lines = await _lines(curves, growth, config, say)
                curve = Curve(growth.name, growth.title, growth.axis, conditions, lines)
                await asyncio.to_thread(write_curve, curve, curves.folder)
                await asyncio.to_thread(draw_all, curves.folder)
                _tell(curve, curves.console)


async def _lines(curves: _Curves, growth: Growth, config: Settings, say: Any) -> tuple[Line, ...]:
    """Points with the same market share it."""
    points: dict[str, list[Point]] = {name: [] for name in growth.workloads}
    wanted = ((at, growth.step(curves.size, at)) for at in curves.points(growth))
    for size, steps_of_size in groupby(wanted, key=lambda one: one[1].size):
        market = planted(config, size, curves.timing, say=say, with_limit=False)
        async with market as bench:
            for at, step in steps_of_size:
                for workload in _workloads(growth):
                    say(f"{growth.name} {at:,}: {workload.name}")
                    row = await _row(bench, workload, step)
                    curves.whole &= not row.errors
                    points[workload.name].append(_point(at, row))
    return tuple(Line(name, tuple(found)) for name, found in points.items())


async def _row(bench: Bench, workload: Workload, step: Step) -> Row:
    return await Measurement(bench, workload, step.clients, sold=step.sold).run()


def _workloads(growth: Growth) -> Iterator[Workload]:
    return (one for one in WORKLOADS if one.name in growth.workloads)


def _point(at: int, row: Row) -> Point:
    return Point(
        at=at,
        ops_per_s=row.ops_per_s,
        p50_ms=row.p50_ms,
        p95_ms=row.p95_ms,
        api_cpu_ms=row.api_cpu_ms,
        db_cpu_ms=row.db_cpu_ms,
        statements=row.statements,
        wal_bytes=row.wal_bytes,
        errors=len(row.errors),
    )


def _tell(curve: Curve, console: Console) -> None:
    for line in curve.lines:
        rates = ", ".join(f"{point.at:,}: {point.ops_per_s:,.0f}/s" for point in line.points)
        slope = "" if line.slope is None else f"; last ÷ first {line.slope:.2f}"
        console.print(f"{curve.name}, {line.workload}: {rates}{slope}")
