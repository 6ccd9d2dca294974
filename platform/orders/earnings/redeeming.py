"""A key was redeemed: the share of a trusted supplier need not wait any longer for its warranty."""

from datetime import datetime
from uuid import UUID

from kernel import db
from orders.earnings.noting import lock_earnings


async def redeemed(order_id: UUID, line_id: UUID, redeemed_at: datetime) -> int:
    """Bring forward when the supplier's share of a line becomes available, once all of its keys are
    known to be redeemed and where the supplier is trusted; never back. In the caller's transaction,
    with the order locked. Returns how many shares were."""
    await lock_earnings(order_id, [line_id])
    return await db.execute(
        """with sooner as (
               select earning.order_id, earning.share_id,
                      $3::timestamptz + make_interval(hours => terms.redeemed_hours) as at
               from earnings earning
               join earning_terms terms on terms.party_kind = earning.party_kind
                    and terms.owner_id = earning.party_id and terms.redeemed_hours is not null
               where earning.order_id = $1 and earning.line_id = $2
                 and earning.matured_at is null
           )
           update earnings set available_at = sooner.at, due_at = least(due_at, sooner.at)
           from sooner
           where (earnings.order_id, earnings.share_id) = (sooner.order_id, sooner.share_id)
             and earnings.available_at > sooner.at""",
        order_id,
        line_id,
        redeemed_at,
    )
