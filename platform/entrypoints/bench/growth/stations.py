"""The points of a curve, each with a filled database and the product running on it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import groupby

from entrypoints.bench.context import Bench
from entrypoints.bench.engines import planted
from entrypoints.bench.growth.curves import Growth, Step
from entrypoints.bench.market.planting import Say
from entrypoints.bench.place import Place, open_place
from entrypoints.bench.timing import Size, Timing
from entrypoints.bench.workloads import WORKLOADS, Workload
from kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Station:
    """One point of the curve: where it is measured, and with how many clients."""

    at: int
    clients: int
    bench: Bench
    place: Place


@dataclass(frozen=True, slots=True)
class CurvePlan:
    """What is asked for: a curve's points, the size of what does not grow, and how long."""

    growth: Growth
    points: Sequence[int]
    size: Size
    timing: Timing


def workloads_of(growth: Growth) -> list[Workload]:
    """Give a curve's workloads; those that read come first, and find what was planted."""
    return [one for one in WORKLOADS if one.name in growth.workloads]


async def open_stations(
    plan: CurvePlan, config: Settings, stack: AsyncExitStack, say: Say
) -> AsyncIterator[Station]:
    """Open all points, for as long as the stack lives.

    Points with the same market share its template, and with the same past its database, too.
    """
    growth = plan.growth
    wanted = [(at, growth.step(plan.size, at)) for at in plan.points]
    for size, of_size in groupby(wanted, key=lambda one: one[1].size):
        pasts = [list(some) for _, some in groupby(of_size, key=lambda one: one[1].sold)]
        market = planted(
            config, size, plan.timing, say=say, with_limit=False, to_copy=len(pasts) > 1
        )
        bench = await stack.enter_async_context(market)
        for steps in pasts:
            say(f"{growth.name} {', '.join(f'{at:,}' for at, _ in steps)}: place")
            place = await _place(growth, [step for _, step in steps], bench, stack)
            for at, step in steps:
                yield Station(at, step.clients, bench, place)


async def _place(
    growth: Growth, steps: Sequence[Step], bench: Bench, stack: AsyncExitStack
) -> Place:
    """One that suits the workload that asks most of it: the last, which sells."""
    clients = max(step.clients for step in steps)
    return await open_place(bench, workloads_of(growth)[-1], clients, stack, sold=steps[0].sold)
