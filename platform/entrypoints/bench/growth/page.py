"""Figures as Markdown. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import ceil
from typing import Any, Final

from entrypoints.bench.growth.curve import Curve, Line

_ALIGNED: Final = "---:"


def workload_figures(report: dict[str, Any]) -> str:
    """Write the table of what `kameng bench --json` has measured."""
    heading = (
        "workload", "clients", "ops/s", "p50 ms", "p95 ms", "p99 ms", "API ms", "DB ms", "SQL",
        "trips", "WAL B", "limit ops/s", "ratio", "client CPU",
    )  # fmt: skip
    rows = [_workload_row(row) for row in report["rows"]]
    size, timing = report["size"], report["timing"]
    told = (
        f"{_machine(report['conditions'])} {size['shops']:,} shops, {size['skus']:,} SKUs, "
        f"{size['skus'] * size['keys_per_sku']:,} keys, a tree of {size['depth']} levels; "
        f"{_rounds(timing['rounds'])} of {timing['window_seconds']} s."
    )
    return f"{told}\n\n{_table(heading, rows)}\n"


def _workload_row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"`{row['workload']}`",
        f"{row['clients']:,}",
        f"{row['ops_per_s']:,.0f}",
        *(f"{row[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
        *(_or_dash(row[name], "{:.2f}") for name in ("api_cpu_ms", "db_cpu_ms")),
        f"{row['statements']:.2g}" if row["statements"] < 1 else f"{row['statements']:.1f}",
        f"{row['round_trips']:.2g}" if row["round_trips"] < 1 else f"{row['round_trips']:.1f}",
        f"{row['wal_bytes']:,.0f}",
        f"{row['limit_ops_per_s']:,.0f}",
        f"{row['ratio']:.3f}",
        f"{row['client_cpu_share']:.0%}",
    )


def _rounds(count: int) -> str:
    return "1 round" if count == 1 else f"{count} rounds"


def mixed_figures(story: dict[str, Any]) -> str:
    """Show what `kameng bench mixed --json` has seen, minute by minute."""
    size, clients = story["size"], story["clients"]
    ending = "verify finds nothing" if not story["breaches"] else "; ".join(story["breaches"])
    told = (
        f"{_machine(story['conditions'])} {size['shops']:,} shops, {size['skus']:,} SKUs, "
        f"{clients} clients for {story['seconds'] / 60:g} minutes: {story['operations']:,} "
        f"operations, {story['errors']} errors; memory in the second half "
        f"{story['memory_growth']:+.1%}; {ending}."
    )
    heading = ("minute", "ops/s", "slowest p95 ms", "errors", "PSS MiB")
    return f"{told}\n\n{_table(heading, _minutes(story['stretches']))}\n"


def _minutes(stretches: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for minute, told in groupby(stretches, key=lambda one: ceil(one["at_seconds"] / 60)):
        those = list(told)
        seconds = those[-1]["at_seconds"] - (minute - 1) * 60
        yield (
            f"{minute}",
            f"{sum(one['operations'] for one in those) / seconds:,.0f}",
            f"{max(one['p95_ms'] for one in those):.1f}",
            f"{sum(one['errors'] for one in those)}",
            f"{those[-1]['pss_bytes'] / 1024**2:.1f}",
        )


def growth_figures(curves: Sequence[Curve]) -> str:
    """Show every curve with its picture, its slopes and its points."""
    return "\n".join(_section(curve) for curve in curves)


def _section(curve: Curve) -> str:
    slopes = "; ".join(filter(None, map(_slope, curve.lines)))
    rounds = curve.conditions.get("rounds", 1)
    window = f"{_rounds(rounds)} of {curve.conditions['window_seconds']} s a point."
    return (
        f"### {curve.title}\n\n"
        f"`kameng bench growth {curve.name}`\n\n"
        f"![{curve.title}](growth-{curve.name}.svg)\n\n"
        f"{slopes}.\n\n{_points(curve)}\n\n{_machine(curve.conditions)} {window}\n"
    )


def _points(curve: Curve) -> str:
    """A column more where something was changed and watched."""
    heading = ["workload", curve.axis, "ops/s", "p95 ms", "API ms", "DB ms", "SQL", "WAL B"]
    rows = [list(row) for line in curve.lines for row in _point_rows(line)]
    stale = [point.stale_ms for line in curve.lines for point in line.points]
    if any(one is not None for one in stale):
        heading.append("stale ms")
        for row, one in zip(rows, stale, strict=True):
            row.append(_or_dash(one, "{:.0f}"))
    return _table(heading, rows)


def _slope(line: Line) -> str:
    if line.slope is None or line.of_peak is None:
        return ""
    told = f"**{line.workload}**: last ÷ first {line.slope:.2f}, last ÷ best {line.of_peak:.2f}"
    cost = line.cost_growth
    return told if cost is None else f"{told}, processor time an operation × {cost:.2f}"


def _point_rows(line: Line) -> Iterator[tuple[str, ...]]:
    for point in line.points:
        yield (
            f"`{line.workload}`",
            f"{point.at:,}",
            f"{point.ops_per_s:,.0f}",
            f"{point.p95_ms:.1f}",
            f"{point.api_cpu_ms:.2f}",
            _or_dash(point.db_cpu_ms, "{:.2f}"),
            f"{point.statements:.1f}",
            f"{point.wal_bytes:,.0f}",
        )


def _machine(conditions: dict[str, Any]) -> str:
    return (
        f"{conditions['processors']} processors, {conditions['memory_gib']:g} GiB, Python "
        f"{conditions['python']}, PostgreSQL {conditions['postgres']} (fsync {conditions['fsync']}"
        f", synchronous_commit {conditions['synchronous_commit']}, shared_buffers "
        f"{conditions['shared_buffers']}), load and database on the same machine."
    )


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    marks = ("---", *[_ALIGNED] * (len(heading) - 1))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, marks, *rows))
