"""Telling what was measured: a table for people, JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from entrypoints.bench.conditions import Conditions
from entrypoints.bench.rows import Row
from entrypoints.bench.story import Story
from entrypoints.bench.timing import Size, Timing


def write_json(
    file: Path, rows: Sequence[Row], *, conditions: Conditions, timing: Timing, size: Size
) -> None:
    """Write the rows with what they were measured on."""
    report: dict[str, Any] = {
        "conditions": asdict(conditions),
        "timing": asdict(timing),
        "size": asdict(size),
        "rows": [asdict(one) for one in rows],
    }
    _write(file, report)


def write_story(file: Path, story: Story, *, conditions: Conditions, size: Size) -> None:
    """Write a long run with what it was measured on."""
    about = {"conditions": asdict(conditions), "size": asdict(size)}
    _write(file, {**about, **story.as_json()})


def _write(file: Path, report: dict[str, Any]) -> None:
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
    "WAL B/op",
    "limit ops/s",
    "ratio",
    "client CPU",
)


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print the table, what each limit is, and any error."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in rows:
        table.add_row(*_cells(one))
    console.print(table)
    for name, limit in dict.fromkeys((one.workload, one.limit) for one in rows):
        console.print(f"The limit of {name} is {limit}.")
    for one in rows:
        if one.bytes_per_socket is not None:
            console.print(f"{one.workload}: {one.bytes_per_socket / 1000:.1f} kB a socket.")
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
        f"{one.wal_bytes:,.0f}",
        f"{one.limit_ops_per_s:,.0f}",
        f"{one.ratio:.3f}",
        f"{one.client_cpu_share:.0%}",
    )
