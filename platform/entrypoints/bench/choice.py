"""Everything that can be measured, by name."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from entrypoints.bench.context import Bench
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.fanout import measure_fanout
from entrypoints.bench.importing import measure_import
from entrypoints.bench.measurement import measure
from entrypoints.bench.rows import Row
from entrypoints.bench.workloads import WORKLOADS, Workload


@dataclass(frozen=True, slots=True)
class Measure:
    """Something to be measured, with the numbers of clients that it usually has."""

    name: str
    clients: tuple[int, ...]
    run: Callable[[Bench, int], Awaitable[Row]]
    takes_clients: bool = True


def _by_buyers(workload: Workload) -> Measure:
    async def run(bench: Bench, clients: int) -> Row:
        return await measure(bench, workload, clients)

    return Measure(workload.name, workload.clients, run)


MEASURES: Final = (
    *map(_by_buyers, WORKLOADS),
    Measure("import", (1,), measure_import, takes_clients=False),
    Measure("fanout", (1,), measure_fanout, takes_clients=False),
)


def chosen(names: Sequence[str]) -> tuple[Measure, ...]:
    """Give the named measures, or all; `BenchFailed` for an unknown name."""
    known = {measure.name: measure for measure in MEASURES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BenchFailed(f"There is no workload {unknown[0]}. There are: {', '.join(known)}.")
    return tuple(known[name] for name in names) or MEASURES
