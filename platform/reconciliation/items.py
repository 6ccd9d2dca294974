"""Runs and items, for operators."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from billing.payout_gate import Difference
from kernel import cursors, db
from kernel.errors import NotFound
from reconciliation import runs


@dataclass(frozen=True, slots=True)
class Item:
    """A difference: what the ledger says (ours), what others do (theirs), in minor units."""

    id: UUID
    number: int
    day: date
    last_day: date
    book: str
    reference: str
    kind: str
    fix: str
    category: str
    currency: str
    their_currency: str | None
    our_count: int
    their_count: int
    our_minor: int
    their_minor: int
    our_fee_minor: int
    their_fee_minor: int
    difference_minor: int
    state: str
    how: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Total:
    """A day's totals of a book and currency; THEIRS is None where nobody has a statement."""

    book: str
    currency: str
    our_count: int
    our_minor: int
    our_fee_minor: int
    their_count: int | None
    their_minor: int | None
    their_fee_minor: int | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A day's run, how far it is, and what it has summed up."""

    day: date
    step: str
    problem: str
    entries_fetched: int
    postings_read: int
    orders_read: int
    references_matched: int
    began_at: datetime
    ended_at: datetime | None
    totals: tuple[Total, ...]


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of items, the newest first."""

    rows: tuple[Item, ...]
    end_cursor: str | None
    has_next: bool


_ITEM: Final = ", ".join(Item.__slots__)
_RUN: Final = ", ".join(name for name in RunView.__slots__ if name != "totals")
_TOTAL: Final = ", ".join(Total.__slots__)


async def open_differences() -> dict[str, Difference]:
    """What is open in each currency; what only waits for tomorrow is not. Inside a transaction."""
    rows = await db.fetch(
        """select currency, count(*) as items, sum(difference_minor)::bigint as minor
           from reconciliation_items where state = 'OPEN' and kind <> 'TIMING' group by currency"""
    )
    return {row["currency"]: Difference(row["items"], row["minor"]) for row in rows}


async def item_by_id(item_id: UUID) -> Item:
    """One item; raises `NotFound`."""
    rows = await db.read(
        runs.scope(), f"select {_ITEM} from reconciliation_items where id = $1", item_id
    )
    if not rows:
        raise NotFound("There is no such item.", field="itemId")
    return Item(**rows[0])


async def items(*, state: str | None, first: int | None, after: str | None) -> ItemPage:
    """A page of items, those of one state if it is named; raises `Invalid`."""
    size = cursors.page_size(first)
    about = f"reconciliation items {state}"
    place = cursors.read(after, tenant_id=None, about=about)
    rows = await db.read(
        runs.scope(),
        f"""select {_ITEM} from reconciliation_items
            where ($1::text is null or state = $1) and ($2::bigint is null or number < $2)
            order by number desc limit $3""",
        state,
        place[0] if place else None,
        size + 1,
    )
    shown = tuple(Item(**row) for row in rows[:size])
    end = cursors.write([shown[-1].number], tenant_id=None, about=about) if shown else None
    return ItemPage(shown, end, len(rows) > size)


async def run_views(*, first: int | None, before: date | None = None) -> list[RunView]:
    """The runs of the last days, the newest first; raises `Invalid`."""
    size = cursors.page_size(first)
    async with db.transaction(runs.scope(), read_only=True):
        rows = await db.fetch(
            f"""select {_RUN} from reconciliation_runs
                where $1::date is null or day < $1 order by day desc limit $2""",
            before,
            size,
        )
        totals = await db.fetch(
            f"""select day, {_TOTAL} from reconciliation_totals
                where day = any ($1) order by book, currency""",
            [row["day"] for row in rows],
        )
    return [
        RunView(
            **row,
            totals=tuple(
                Total(*tuple(total)[1:]) for total in totals if total["day"] == row["day"]
            ),
        )
        for row in rows
    ]


async def run_view(day: date) -> RunView:
    """One day's run; raises `NotFound`."""
    async with db.transaction(runs.scope(), read_only=True):
        row = await db.fetch_row(f"select {_RUN} from reconciliation_runs where day = $1", day)
        totals = await db.fetch(
            f"select {_TOTAL} from reconciliation_totals where day = $1 order by book, currency",
            day,
        )
    if row is None:
        raise NotFound("This day has not been reconciled.", field="day")
    return RunView(**row, totals=tuple(Total(**total) for total in totals))
