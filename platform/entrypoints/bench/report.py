"""What was measured: a row for each workload and number of clients."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from entrypoints.bench.timing import Size, Timing


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of the product came to. Processor times are in seconds."""

    operations: int
    errors: tuple[str, ...]
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    api_cpu_seconds: float
    db_cpu_seconds: float | None
    client_cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. Rates and percentiles are medians over the rounds.

    `api_cpu_ms` and `db_cpu_ms` are per operation; the second is None where the database runs on
    another machine. `statements` leaves out what opens and ends transactions, `round_trips` does
    not. `client_cpu_share` is the load client's part of one processor.
    """

    workload: str
    clients: int
    ops_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    api_cpu_ms: float
    db_cpu_ms: float | None
    statements: float
    round_trips: float
    limit_ops_per_s: float
    ratio: float
    client_cpu_share: float
    operations: int
    errors: tuple[str, ...]
    limit: str


def row(
    *,
    workload: str,
    clients: int,
    windows: Sequence[Window],
    limits: Sequence[float],
    statements: float,
    round_trips: float,
    limit: str,
) -> Row:
    """This function will sum up the rounds of one workload with one number of clients."""
    operations = sum(one.operations for one in windows)
    ops_per_s = statistics.median(one.operations / one.seconds for one in windows)
    limit_ops_per_s = statistics.median(limits)
    of_database = [one.db_cpu_seconds for one in windows if one.db_cpu_seconds is not None]

    def per_operation_ms(seconds: float) -> float:
        return round(seconds * 1000 / max(1, operations), 3)

    return Row(
        workload=workload,
        clients=clients,
        ops_per_s=round(ops_per_s, 1),
        p50_ms=round(statistics.median(one.p50_ms for one in windows), 2),
        p95_ms=round(statistics.median(one.p95_ms for one in windows), 2),
        p99_ms=round(statistics.median(one.p99_ms for one in windows), 2),
        api_cpu_ms=per_operation_ms(sum(one.api_cpu_seconds for one in windows)),
        db_cpu_ms=per_operation_ms(sum(of_database)) if len(of_database) == len(windows) else None,
        statements=round(statements, 2),
        round_trips=round(round_trips, 2),
        limit_ops_per_s=round(limit_ops_per_s, 1),
        ratio=round(ops_per_s / limit_ops_per_s, 4) if limit_ops_per_s else 0.0,
        client_cpu_share=round(
            sum(one.client_cpu_seconds for one in windows) / sum(one.seconds for one in windows), 3
        ),
        operations=operations,
        errors=tuple(error for one in windows for error in one.errors),
        limit=limit,
    )


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """This function will give the value that `share` of all do not pass; 0 of none."""
    if not sorted_values:
        return 0.0
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def write_json(file: Path, rows: Sequence[Row], *, timing: Timing, size: Size) -> None:
    """This function will write the rows with what they were measured on."""
    report: dict[str, Any] = {
        "timing": asdict(timing),
        "size": asdict(size),
        "rows": [asdict(one) for one in rows],
    }
    file.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")


_COLUMNS = (
    "workload",
    "clients",
    "ops/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "API ms/op",
    "DB ms/op",
    "SQL/op",
    "trips/op",
    "limit ops/s",
    "ratio",
    "client CPU",
)


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """This function will print the table, what each limit is, and any error."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in rows:
        table.add_row(*_cells(one))
    console.print(table)
    for name, limit in dict.fromkeys((one.workload, one.limit) for one in rows):
        console.print(f"The limit of {name} is pgbench: {limit}.")
    console.print("API and DB ms/op are processor time; DB is that of the database's own sessions.")
    for one in rows:
        for error in one.errors:
            console.print(f"{one.workload}, {one.clients} clients: {error}", style="red")


def _cells(one: Row) -> tuple[str, ...]:
    return (
        one.workload,
        str(one.clients),
        f"{one.ops_per_s:,.0f}",
        f"{one.p50_ms:.1f}",
        f"{one.p95_ms:.1f}",
        f"{one.p99_ms:.1f}",
        f"{one.api_cpu_ms:.2f}",
        "n/a" if one.db_cpu_ms is None else f"{one.db_cpu_ms:.2f}",
        f"{one.statements:.1f}",
        f"{one.round_trips:.1f}",
        f"{one.limit_ops_per_s:,.0f}",
        f"{one.ratio:.3f}",
        f"{one.client_cpu_share:.0%}",
    )
