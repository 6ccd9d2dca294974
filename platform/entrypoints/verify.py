"""`kameng verify`: is everything true of this database that always must be?

The invariants are queries in `invariants/`, a file a subject; a row that one of them returns breaks
it. They run after every fault test, nightly in production, and whenever somebody doubts a number.
"""

import asyncio
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from rich.console import Console
from rich.text import Text

from kernel.clock import monotonic_seconds
from kernel.db import CORE, ROLES
from kernel.settings import settings

INVARIANTS = Path(__file__).with_name("invariants")
ROWS_SHOWN_AT_MOST = 20
HOLDS, BROKEN, NOT_EXAMINED = 0, 1, 2
"""Exit codes. A database that could not be examined is not one whose invariants hold."""

_CONNECT_TIMEOUT_SECONDS = 5
_STATEMENT_TIMEOUT = "5min"
_MARKER = re.compile(r"^-- invariant: (?P<name>I\d+) (?P<title>.+)$", re.MULTILINE)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that always is true, and the query for the rows that break it."""

    name: str
    title: str
    sql: str


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold, and some of the rows that break it."""

    invariant: str
    title: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one invariant's query returned, and how long it took."""

    invariant: Invariant
    rows: list[Row]
    elapsed_ms: float

    @property
    def holds(self) -> bool:
        return not self.rows


def main(*, database_url: str | None = None, as_json: bool = False) -> int:
    """Examine the database, print a line for each invariant, and return the
    exit code: 0 when all hold, 1 when one is broken, 2 when the database could not be examined.

    `database_url` is the owner's; None takes the setting's.
    """
    try:
        findings = asyncio.run(examine(database_url or settings().database_url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"The database could not be examined: {error}", file=sys.stderr)
        return NOT_EXAMINED
    print_as_json(findings) if as_json else print_as_lines(findings)
    return HOLDS if all(finding.holds for finding in findings) else BROKEN


async def verify(database_url: str) -> list[Breach]:
    """Return the invariants that do not hold; an empty list is good news.

    Raises what asyncpg raises when the database cannot be examined.
    """
    return [
        Breach(finding.invariant.name, finding.invariant.title, finding.rows)
        for finding in await examine(database_url)
        if not finding.holds
    ]


async def examine(database_url: str) -> list[Finding]:
    """Run every invariant's query in one read-only snapshot.

    Sales may go on meanwhile: each is one transaction, so the snapshot has all of it or nothing.
    Raises what asyncpg raises when the database cannot be examined.
    """
    connection = await asyncpg.connect(
        database_url,
        timeout=_CONNECT_TIMEOUT_SECONDS,
        server_settings={
            "application_name": "kameng-verify",
            "statement_timeout": _STATEMENT_TIMEOUT,
            "timezone": "UTC",
            "jit": "off",
        },
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _see_every_tenant(connection)
            return await examine_on(connection)
    finally:
        await connection.close()


async def examine_on(connection: asyncpg.Connection) -> list[Finding]:
    """Run every invariant's query in the transaction that is open, as one that sees all tenants."""
    return [await _examine_one(connection, invariant) for invariant in read_invariants()]


async def _see_every_tenant(connection: asyncpg.Connection) -> None:
    """Lift the fence. Behind it there would be no rows, and without rows every invariant holds."""
    passes_every_policy = await connection.fetchval(
        "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
    )
    if not passes_every_policy:
        await connection.execute(f"set local role {ROLES[CORE]}")
        await connection.execute("select set_config('app.fence_lifted_for', 'verify', true)")


async def _examine_one(connection: asyncpg.Connection, invariant: Invariant) -> Finding:
    started = monotonic_seconds()
    rows = [dict(row) for row in await connection.fetch(invariant.sql)]
    return Finding(invariant, rows, (monotonic_seconds() - started) * 1000)


def read_invariants() -> list[Invariant]:
    """Return the queries of all subjects with their names, in the order of their files."""
    return [invariant for file in sorted(INVARIANTS.glob("*.sql")) for invariant in _read(file)]


def _read(file: Path) -> list[Invariant]:
    _, *parts = _MARKER.split(file.read_text(encoding="utf-8"))
    return [
        Invariant(name, title, sql.strip().removesuffix(";"))
        for name, title, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def print_as_lines(findings: list[Finding], console: Console | None = None) -> None:
    """Print a line for each invariant, and the rows that break it below."""
    console = console or Console(highlight=False, soft_wrap=True)
    for finding in findings:
        mark = ("✓", "green") if finding.holds else ("✗", "bold red")
        title = f" {finding.invariant.name:<4}{finding.invariant.title}"
        console.print(
            Text.assemble(mark, title, (f"  {_measures(finding)}", "" if finding.rows else "dim"))
        )
        for row in finding.rows:
            told = "  ".join(f"{column}={_plain(value)}" for column, value in row.items())
            console.print(Text(f"       {told}", style="red"))
    broken = sum(not finding.holds for finding in findings)
    verdict = f"{broken} of {len(findings)} invariants are broken." if broken else "All hold."
    console.print(Text(verdict, style="bold red" if broken else "bold green"))


def _measures(finding: Finding) -> str:
    count = len(finding.rows)
    rows = f"{count} or more" if count >= ROWS_SHOWN_AT_MOST else str(count)
    return f"{rows} {'row' if count == 1 else 'rows'}, {finding.elapsed_ms:.1f} ms"


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return "–" if value is None else str(value)


def print_as_json(findings: list[Finding]) -> None:
    """Print one JSON object: `holds`, and `invariants` with their `rows`."""
    report = {
        "holds": all(finding.holds for finding in findings),
        "invariants": [
            {
                "invariant": finding.invariant.name,
                "title": finding.invariant.title,
                "holds": finding.holds,
                "elapsed_ms": round(finding.elapsed_ms, 3),
                "rows": finding.rows,
            }
            for finding in findings
        ],
    }
    print(orjson.dumps(report, default=str, option=orjson.OPT_INDENT_2).decode())
