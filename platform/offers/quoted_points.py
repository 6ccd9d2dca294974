"""Points in a price: how many a customer may use, what they take off each line, what it earns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from billing.payment_methods import dearest_fee_bp
from kernel.errors import Invalid, Refusal
from kernel.money import share_bp_ceil
from offers.quoted_lines import QuotedLine
from promotions.discounts import shop_funded_minor
from promotions.points import arithmetic, refusals
from promotions.points.arithmetic import LinePoints, PointsTerms
from promotions.points.purses import purse_of
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class QuotedPoints:
    """What a customer reads of points beside a price. `most` may be used for these lines now;
    `problem` says why what was asked for is not."""

    terms: PointsTerms
    balance: int
    most: int
    redeemed: int
    earned: int
    problem: Refusal | None = None


async def quote_points(
    shop: Shop, lines: Sequence[QuotedLine], *, wanted: int, customer_id: UUID | None
) -> tuple[tuple[QuotedLine, ...], QuotedPoints | None]:
    """Lower lines, with their coupons, by so many points. What cannot be redeemed takes nothing
    off and is `problem`. None where nobody could have points.

    Raises `Invalid` for fewer than none, and where nobody has points, for any.
    """
    if wanted < 0:
        raise Invalid("Points are none or more.", field="redeemPoints")
    purse = await purse_of(shop, customer_id) if customer_id is not None else None
    if purse is None:
        if wanted:
            raise refusals.no_program() if customer_id else refusals.customers_only()
        return tuple(lines), None
    terms = purse.terms
    rooms_minor = [_room_minor(line) for line in lines]
    payable_minor = sum(line.total_minor for line in lines)
    allowed = arithmetic.most_points(terms, payable_minor=payable_minor, rooms_minor=rooms_minor)
    most = min(allowed, purse.balance)
    most = most if most >= terms.least_points else 0
    problem = _problem(terms, wanted, most)
    redeemed = 0 if problem else wanted
    by_line = arithmetic.points_by_line(
        redeemed, point_minor=terms.point_minor, rooms_minor=rooms_minor
    )
    pointed = tuple(
        replace(line, points=LinePoints(terms, points))
        for line, points in zip(lines, by_line, strict=True)
    )
    earned = sum(_earned(line, shop) for line in pointed)
    return pointed, QuotedPoints(terms, purse.balance, most, redeemed, earned, problem)


async def with_points(
    shop: Shop, lines: Sequence[QuotedLine], *, wanted: int, customer_id: UUID | None
) -> tuple[QuotedLine, ...]:
    """The lines of an order with exactly so many points; raises why they cannot be used."""
    pointed, quoted = await quote_points(shop, lines, wanted=wanted, customer_id=customer_id)
    if quoted is not None and quoted.problem is not None:
        raise quoted.problem
    return pointed


def _room_minor(line: QuotedLine) -> int:
    """What points may take off the line: its buyer pays at least one unit, and a floor stands."""
    floor_minor = (line.sourcing.net_floor_minor or 0) * line.quantity
    return max(line.total_minor - max(floor_minor, 1), 0)


def _problem(terms: PointsTerms, wanted: int, most: int) -> Refusal | None:
    if 0 < wanted < terms.least_points:
        return refusals.too_few(terms.least_points)
    return refusals.too_many(most) if wanted > most else None


def _earned(line: QuotedLine, shop: Shop) -> int:
    """What the line will earn, unless an affiliate is thanked for the sale and takes the rest."""
    assert line.points is not None
    if line.offer.by_hand:
        return 0
    net_minor = line.list_minor - shop_funded_minor(line.discounts)
    fee_minor = share_bp_ceil(amount_minor=net_minor, bp=dearest_fee_bp(shop.payment_methods))
    spare_minor = net_minor - line.sourcing.costs[-1] * line.quantity - fee_minor
    return arithmetic.earned_points(
        line.points.terms, paid_minor=line.total_minor, spare_minor=spare_minor
    )
