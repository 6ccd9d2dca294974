"""What a refund moves in points: those that the sale has earned go back to the shop, and those that
have paid for it go back to the buyer (E4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from orders import funding
from orders.records import Funding, Line, Order
from promotions.points import arithmetic

LAST_AT_LEAST: Final = timedelta(days=30)
"""How long points that come back are good at least; else as long as those that were used."""


@dataclass(frozen=True, slots=True)
class PointsBack:
    """Points `taken` back from the customer, and those that are spent, for which the refund pays
    less."""

    taken: int = 0
    withheld: int = 0
    point_minor: int = 0

    @property
    def taken_minor(self) -> int:
        """What the shop does not owe any more, in minor units."""
        return self.taken * self.point_minor

    @property
    def withheld_minor(self) -> int:
        """By how much the refund is less, in minor units."""
        return self.withheld * self.point_minor

    @property
    def shops_minor(self) -> int:
        """What the shop gets back of what it has given for the points, in minor units."""
        return self.taken_minor + self.withheld_minor


async def move_points(
    refund_id: UUID,
    order: Order,
    line: Line,
    amount_minor: int,
    to_funders: Sequence[tuple[Funding, int]],
) -> PointsBack:
    """Take back what the refunded part has earned, and give back what points have paid of it.

    The order is locked. What cannot be withheld because the refund is smaller stays the
    customer's.
    """
    returned_minor = sum(minor for one, minor in to_funders if one.kind == funding.POINTS)
    if returned_minor:
        await _give_back(refund_id, order, returned_minor // line.point_minor)
    if not line.earned_points:
        return PointsBack()
    wanted = arithmetic.reversed_points(
        line.earned_points,
        paid_minor=line.paid_minor,
        refunded_minor=line.refunded_minor,
        amount_minor=amount_minor,
    )
    if not wanted:
        return PointsBack()
    owed: int = await db.fetch_value("select owed_points($1, $2)", order.id, order.customer_id)
    due = min(wanted, owed)
    taken = await _take_back(refund_id, order, due) if due else 0
    withheld = arithmetic.withheld_points(
        due - taken, point_minor=line.point_minor, amount_minor=amount_minor
    )
    return PointsBack(taken, withheld, line.point_minor)


async def _take_back(refund_id: UUID, order: Order, points: int) -> int:
    """Of the lot of this sale first, and then of the customer's others."""
    taken: int = await db.fetch_value(
        """select draw_points($1, $2, $3, 'REVERSED', $4, $5, null, null, null, platform_now())""",
        order.tenant_id,
        order.customer_id,
        points,
        order.id,
        refund_id,
    )
    return taken


async def _give_back(refund_id: UUID, order: Order, points: int) -> None:
    """As a lot of their own, good for as long as those that were used, and for a while at least:
    a buyer who gets money back late must not find that the points have ended."""
    await db.execute(
        """with lot as (
               insert into points_lots (tenant_id, id, customer_id, origin, order_id, points,
                                        left_points, expires_at, created_at)
               select $1, $2, $3, 'RETURNED', $4, $5::bigint, $5::bigint,
                      greatest(platform_now() + $6::interval,
                               (select max(used.expires_at) from points_moves move
                                join points_lots used on used.tenant_id = move.tenant_id
                                     and used.id = move.lot_id
                                where move.order_id = $4 and move.kind = 'REDEEMED')),
                      platform_now()
               returning *
           )
           insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id,
                                     refund_id, moved_at)
           select tenant_id, customer_id, id, 'RETURNED', points, order_id, $7::uuid, created_at
           from lot""",
        order.tenant_id,
        new_id(),
        order.customer_id,
        order.id,
        points,
        LAST_AT_LEAST,
        refund_id,
    )
