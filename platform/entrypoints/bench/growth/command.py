"""`kameng bench growth`: measure along each curve, write it down, draw it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from entrypoints.bench.conditions import read_conditions
from entrypoints.bench.engines import engines
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.growth.curve import Curve
from entrypoints.bench.growth.curves import Growth, chosen_growths
from entrypoints.bench.growth.files import draw_all, write_curve
from entrypoints.bench.growth.measuring import measure_lines
from entrypoints.bench.growth.stations import CurvePlan
from entrypoints.bench.progress import steps
from entrypoints.bench.stopping import DONE, FAILED, FAILURES, STOPPED, stopped_by_signals
from entrypoints.bench.timing import Size, Timing

STEPS_OF_MEASUREMENT = 8


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
    timing = Timing.quick() if quick else Timing(rounds=2)
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
        conditions |= {
            "window_seconds": curves.timing.window_seconds,
            "rounds": curves.timing.rounds,
        }
        with steps(curves.console, total=curves.steps) as say:
            for growth in curves.growths:
                plan = CurvePlan(growth, curves.points(growth), curves.size, curves.timing)
                lines = await measure_lines(plan, config, say=say)
                curves.whole &= not any(one.errors for line in lines for one in line.points)
                curve = Curve(growth.name, growth.title, growth.axis, conditions, lines)
                await asyncio.to_thread(write_curve, curve, curves.folder)
                await asyncio.to_thread(draw_all, curves.folder)
                _tell(curve, curves.console)


def _tell(curve: Curve, console: Console) -> None:
    for line in curve.lines:
        rates = ", ".join(f"{point.at:,}: {point.ops_per_s:,.0f}/s" for point in line.points)
        slope = "" if line.slope is None else f"; last ÷ first {line.slope:.2f}"
        cost = "" if line.cost_growth is None else f"; processor time × {line.cost_growth:.2f}"
        console.print(f"{curve.name}, {line.workload}: {rates}{slope}{cost}")
