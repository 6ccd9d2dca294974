"""The points' parts of the sale's statements: points taken for an order, and points that it earns.

An order that redeems none is placed by statements that have no `TAKE`, and one that earns none is
written and settled by statements that have no `EARN`.
"""

from typing import Any, Final
from uuid import UUID

from kernel.ids import new_id

TAKE: Final = """
points_admission as materialized (
    select case when draw_points(:tenant_id::uuid, :points_customer::uuid,
                                 :redeemed_points::bigint, 'REDEEMED', :order_id::uuid, null, null,
                                 null, null, moment.now) < :redeemed_points::bigint
           then 'POINTS' end as refusal
    from {after} as asked, moment where asked.refusal is null
)
"""
"""Takes an order's points where `after` refuses nothing. `points_admission` says in `refusal` that
they are not there, or null. It stands after the coupons and before the wallet: the customer's row
is locked between them."""

EARN: Final = """
earned_lot as (
    insert into points_lots (tenant_id, id, customer_id, origin, order_id, points, left_points,
                             expires_at, created_at)
    select :tenant_id::uuid, :lot_id::uuid, :points_customer::uuid, 'EARNED', :order_id::uuid,
           :earned_points::bigint, :earned_points::bigint,
           moment.now + make_interval(days => program.lasts_days), moment.now
    from ready, moment, points_programs program where program.tenant_id = :tenant_id::uuid
    returning tenant_id, id, customer_id, order_id, points, created_at
), earned_move as (
    insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, moved_at)
    select tenant_id, customer_id, id, 'EARNED', points, order_id, created_at from earned_lot
)
"""
"""Gives the customer what a sale has earned, where `ready` has a row. How long it lasts is what
the program says by then."""

OF_LINE: Final = """
coalesce(line.earned_points, 0) as earned_points,
case when line.earned_points is not null or line.funded_minor > 0
     then coalesce((select program.point_minor from points_programs program
                    where program.tenant_id = line.tenant_id), 0) else 0 end as point_minor
"""
"""What a `line` of an order earns, and what a point is worth where it has to do with points: else
nothing is looked for."""


def points_values(*, customer_id: UUID | None, redeemed: int, earned: int) -> dict[str, Any]:
    """Give the values of `TAKE` and `EARN`."""
    return {
        "points_customer": customer_id,
        "redeemed_points": redeemed,
        "lot_id": new_id(),
        "earned_points": earned,
    }
