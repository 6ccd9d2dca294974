"""`kameng reconcile`: what a person at a terminal sees of a day's reconciliation.

Exit codes: 0 the books agree; 1 refused or cut short; 3 something is open; 130 stopped by Ctrl-C.
After 1 and 130 the run is where it stopped: a worker, or the same command, goes on with it.
"""

import asyncio
from datetime import date
from typing import Final

import asyncpg
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from tortoise.exceptions import DBConnectionError

from kernel import db, valkey
from kernel.errors import Refusal
from kernel.money import Money, format_money
from kernel.settings import settings
from reconciliation import items, runs, turns
from reconciliation.items import RunView, Total

EXIT_AGREE: Final = 0
EXIT_REFUSED: Final = 1
EXIT_OPEN: Final = 3
EXIT_INTERRUPTED: Final = 130
ACTOR: Final = "operator:terminal"
_LOOKS_AGAIN_AFTER_SECONDS: Final = 1.0
_CONNECTION_LOST = (OSError, DBConnectionError, asyncpg.InterfaceError, asyncpg.PostgresError)


def main(*, day: str) -> int:
    """Run a day to its end, print what it has found, and return the exit code."""
    console = Console(highlight=False)
    try:
        return asyncio.run(_connected(_parsed(day), console))
    except KeyboardInterrupt:
        console.print("Stopped. The run goes on where it is with the same command.")
        return EXIT_INTERRUPTED
    except (Refusal, ValueError) as refused:
        console.print(escape(str(refused)), style="red")
    except _CONNECTION_LOST as error:
        console.print(f"Cut short: {type(error).__name__}.", style="red")
    return EXIT_REFUSED


def _parsed(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise ValueError("A day is written like 2030-01-31.") from None


async def _connected(day: date, console: Console) -> int:
    await db.connect(settings())
    try:
        with console.status("begins") as status:
            run = await _to_its_end(day, status)
        return await _told(run, console)
    finally:
        await valkey.close()
        await db.disconnect()


async def _to_its_end(day: date, status: Status) -> RunView:
    """Take turns until the day is done; where a worker has it, or an earlier day, look on."""
    await runs.begin(day, asked_by=ACTOR)
    while True:
        taken = await turns.take_a_turn()
        run = await items.run_view(day)
        if run.step == "DONE":
            return run
        status.update(
            f"{run.step.lower()}: {run.entries_fetched} entries, {run.postings_read} postings, "
            f"{run.orders_read} orders, {run.references_matched} references {escape(run.problem)}"
        )
        if not taken:
            await asyncio.sleep(_LOOKS_AGAIN_AFTER_SECONDS)


async def _told(run: RunView, console: Console) -> int:
    for total in run.totals:
        console.print(_line(total))
    page = await items.items(state="OPEN", first=100, after=None)
    opened = [item for item in page.rows if item.kind != "TIMING"]
    for item in opened:
        difference = _money(item.difference_minor, item.currency)
        console.print(
            escape(f"{item.day} {item.book} {item.kind} {item.reference}: {difference}"),
            style="red",
        )
    more = " or more" if page.has_next else ""
    console.print(f"{len(opened)}{more} open." if opened else "The books agree.")
    return EXIT_OPEN if opened else EXIT_AGREE


def _line(total: Total) -> str:
    theirs = (
        "no statement"
        if total.their_count is None or total.their_minor is None
        else f"{total.their_count} of {_money(total.their_minor, total.currency)}"
    )
    return f"{total.book} {total.our_count} of {_money(total.our_minor, total.currency)}: {theirs}"


def _money(amount_minor: int, currency: str) -> str:
    return format_money(Money(amount_minor, currency), "en")
