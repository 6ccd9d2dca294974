"""How many points a sale earns, takes and gives back: pure arithmetic.

Points are whole numbers, each worth `point_minor`. All roundings are down, to whole points: what is
earned, so that splitting a purchase harvests nothing, and what a refund gives back and takes, so
that the last refund of a line clears what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel.money import largest_remainder, share_bp_floor

MOST_POINTS: Final = 1_000_000_000
"""Of one lot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsTerms:
    """A shop's program. Off, it earns nothing; what customers have is redeemed all the same.

    `earn_bp`: points' worth of what a buyer pays, in basis points. `point_minor`: what one point is
    worth. `most_bp`: of an order, that points may pay. `least_points`: of one redemption.
    """

    is_on: bool
    earn_bp: int
    point_minor: int
    lasts_days: int
    most_bp: int
    least_points: int


@dataclass(frozen=True, slots=True)
class LinePoints:
    """On which terms a customer buys a line, and with how many points."""

    terms: PointsTerms
    redeemed: int = 0

    @property
    def redeemed_minor(self) -> int:
        """What they pay of the line, in minor units."""
        return self.redeemed * self.terms.point_minor


def earned_points(terms: PointsTerms, *, paid_minor: int, spare_minor: int) -> int:
    """Say how many points a line earns for what its buyer pays.

    The shop pays for them out of `spare_minor`, its share after the dearest fee. Where that does
    not suffice the line earns none: a number cut to fit would tell the buyer the shop's margin.
    """
    if not terms.is_on:
        return 0
    worth_minor = share_bp_floor(amount_minor=paid_minor, bp=terms.earn_bp)
    points = min(worth_minor // terms.point_minor, MOST_POINTS)
    return points if points * terms.point_minor <= spare_minor else 0


def most_points(terms: PointsTerms, *, payable_minor: int, rooms_minor: Sequence[int]) -> int:
    """Say how many points may pay of an order that costs `payable_minor` after its coupons.

    `rooms_minor` are what each line's price may be lowered by.
    """
    allowed_minor = share_bp_floor(amount_minor=payable_minor, bp=terms.most_bp)
    room = sum(room_minor // terms.point_minor for room_minor in rooms_minor)
    return min(allowed_minor // terms.point_minor, room)


def points_by_line(points: int, *, point_minor: int, rooms_minor: Sequence[int]) -> tuple[int, ...]:
    """Divide so many points between lines, in proportion to what each may be lowered by."""
    weights = [room_minor // point_minor for room_minor in rooms_minor]
    return tuple(largest_remainder(total=points, weights=weights))


def reversed_points(earned: int, *, paid_minor: int, refunded_minor: int, amount_minor: int) -> int:
    """Say how many of a line's earned points a refund of `amount_minor` takes back.

    `refunded_minor` is what was refunded before. Cumulative, so all of them over all refunds.
    """
    before = earned * refunded_minor // paid_minor
    return earned * (refunded_minor + amount_minor) // paid_minor - before


def withheld_points(spent: int, *, point_minor: int, amount_minor: int) -> int:
    """Say for how many points, which are spent already, a refund pays less: whole ones, and never
    more than it has."""
    return min(spent, amount_minor // point_minor)
