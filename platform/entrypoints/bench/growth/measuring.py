"""The points of one curve, measured so that they can be compared.

All databases of a curve are filled before the first window, then a checkpoint is made: what filling
has left is not counted at any point. The windows of a workload go through the points forth and
back, so that a neighbour who is busy for a while does not decide between two of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final, TypeVar

import asyncpg
import httpx

from entrypoints.bench.growth.curve import Line, Point
from entrypoints.bench.growth.root_change import RootChange
from entrypoints.bench.growth.stations import CurvePlan, Station, open_stations, workloads_of
from entrypoints.bench.market.planting import Say
from entrypoints.bench.measurement import Measurement
from entrypoints.bench.rows import Row
from entrypoints.bench.workloads import Workload
from kernel.settings import Settings

T = TypeVar("T")
ERRORS_SHOWN: Final = 5


async def measure_lines(plan: CurvePlan, config: Settings, *, say: Say) -> tuple[Line, ...]:
    """Measure every workload of a curve at every point.

    Raises `BenchFailed` when books do not balance; wrong answers are counted in the points.
    """
    async with AsyncExitStack() as stack:
        stations = [one async for one in open_stations(plan, config, stack, say)]
        await _checkpoint(config.database_url)
        if plan.growth.changes_price:
            points = await _price_changes(stations, plan, say)
            return (Line(plan.growth.name, tuple(points)),)
        lines = []
        for workload in workloads_of(plan.growth):
            points = await _points(stations, workload, plan, say)
            lines.append(Line(workload.name, tuple(points)))
        return tuple(lines)


async def _checkpoint(database_url: str) -> None:
    server = await asyncpg.connect(database_url)
    try:
        # Not everybody may: then the points share the server's own checkpoints.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await server.execute("checkpoint")
    finally:
        await server.close()


async def _points(
    stations: Sequence[Station], workload: Workload, plan: CurvePlan, say: Say
) -> list[Point]:
    measurements = []
    for one in stations:
        say(f"{plan.growth.name} {one.at:,}: {workload.name}")
        measurement = await Measurement.prepared(one.bench, workload, one.clients, one.place)
        if not workload.sells:
            await measurement.ask_each_once()
        measurements.append(measurement)
    for measurement in _forth_and_back(measurements, plan):
        await measurement.round()
    found = []
    for one, measurement in zip(stations, measurements, strict=True):
        row = await measurement.row()
        _tell(row.errors, say)
        found.append(_point(one.at, row))
    return found


async def _price_changes(stations: Sequence[Station], plan: CurvePlan, say: Say) -> list[Point]:
    changes = []
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        for one in stations:
            say(f"{plan.growth.name} {one.at:,}: prices")
            changes.append(await RootChange.prepared(one, http))
        for change in _forth_and_back(changes, plan):
            say(f"{plan.growth.name} {change.station.at:,}: changes")
            await change.round(plan.timing)
            _tell(change.errors, say)
    return [change.point() for change in changes]


def _tell(errors: Sequence[str], say: Say) -> None:
    for error in errors[:ERRORS_SHOWN]:
        say(error[:500])


def _forth_and_back(points: Sequence[T], plan: CurvePlan) -> Iterator[T]:
    for number in range(plan.timing.rounds):
        yield from points if number % 2 == 0 else reversed(points)


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
