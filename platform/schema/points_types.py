"""Points as GraphQL types."""

from datetime import datetime
from enum import Enum

import strawberry

from offers.quoted_points import QuotedPoints
from promotions.points.arithmetic import PointsTerms
from promotions.points.book import Balance, EntriesPage, Entry
from promotions.points.programs import Program
from schema.connections import PageInfo
from schema.context import Context
from schema.money import Money, amount
from schema.problems import Problem, problem

_MOST_INT = 2**31 - 1
"""GraphQL's `Int` ends here; whoever has more points sees that many."""


@strawberry.enum
class PointsEntryKind(Enum):
    """Why points came or went. REVERSED: a refund took back what its sale had earned."""

    EARNED = "EARNED"
    REDEEMED = "REDEEMED"
    RELEASED = "RELEASED"
    RETURNED = "RETURNED"
    REVERSED = "REVERSED"
    EXPIRED = "EXPIRED"
    GRANTED = "GRANTED"
    TAKEN = "TAKEN"


@strawberry.type(description="One movement of a customer's points.")
class PointsEntry:
    """`points` is below zero for those that went; `expiresAt` is when these end, or would have."""

    at: datetime
    kind: PointsEntryKind
    points: int
    order_no: str | None
    reason: str | None
    expires_at: datetime


@strawberry.type
class PointsEntryEdge:
    """A movement and the cursor that continues after it."""

    cursor: str
    node: PointsEntry


@strawberry.type
class PointsEntryConnection:
    """A page of movements, the newest first."""

    edges: list[PointsEntryEdge]
    page_info: PageInfo


@strawberry.type(description="Points beside a price, for a customer of a shop that gives them.")
class QuotePoints:
    """`most` may be used for this order now. Where what was asked for cannot be used, `redeemed` is
    none and `problem` says why. `earned` comes with the delivery."""

    balance: int
    point_value: Money
    most: int
    redeemed: int
    redeemed_value: Money
    earned: int
    problem: Problem | None


@strawberry.type(description="A shop's points program.")
class PointsProgram:
    """`earnBp`: points' worth of what a buyer pays, in basis points. `mostBp`: of an order, that
    points may pay. `owed` is what all customers' points are worth."""

    on: bool
    earn_bp: int
    point_value: Money
    lasts_days: int
    most_bp: int
    least_points: int
    owed: Money


def shown_points(points: int) -> int:
    """A number of points as an `Int`."""
    return max(min(points, _MOST_INT), -_MOST_INT)


def quote_points_type(points: QuotedPoints | None, context: Context) -> QuotePoints | None:
    """Put the points of a quote into the schema's words."""
    if points is None:
        return None
    worth_minor = points.redeemed * points.terms.point_minor
    return QuotePoints(
        balance=shown_points(points.balance),
        point_value=amount(points.terms.point_minor, context.shop.currency),
        most=shown_points(points.most),
        redeemed=points.redeemed,
        redeemed_value=amount(worth_minor, context.shop.currency),
        earned=shown_points(points.earned),
        problem=problem(points.problem, context) if points.problem else None,
    )


def program_type(program: Program, currency: str) -> PointsProgram:
    """Put a program into the console's words."""
    terms: PointsTerms = program.terms
    return PointsProgram(
        on=terms.is_on,
        earn_bp=terms.earn_bp,
        point_value=amount(terms.point_minor, currency),
        lasts_days=terms.lasts_days,
        most_bp=terms.most_bp,
        least_points=terms.least_points,
        owed=amount(program.owed_minor, currency),
    )


def worth(balance: Balance, currency: str) -> Money:
    """What a customer's points are worth."""
    return amount(balance.points * balance.terms.point_minor, currency)


def entries_type(page: EntriesPage) -> PointsEntryConnection:
    """Put a page of movements into the schema's words."""
    edges = [
        PointsEntryEdge(cursor=cursor, node=_entry(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return PointsEntryConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def _entry(row: Entry) -> PointsEntry:
    return PointsEntry(
        at=row.at,
        kind=PointsEntryKind(row.kind),
        points=shown_points(row.points),
        order_no=row.order_no,
        reason=row.reason,
        expires_at=row.expires_at,
    )
