"""Counting the orders that affiliates have brought, once each, soon after they are paid.

The sale knows nothing of it: it writes who is thanked, and this sweep finds what was paid. An order
that nobody pays is noted, too, when it can be paid no more, and counts for nothing.
"""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.log import get_logger
from orders import news
from orders.conversions import reviewing

log = get_logger(__name__)
ORDERS_AT_ONCE: Final = 100

_DUE: Final = """
select attribution.order_id, attribution.tenant_id
from attributions attribution
join orders on (orders.id, orders.tenant_id) = (attribution.order_id, attribution.tenant_id)
where attribution.noted_at is null
  and (orders.payment_status = 'PAID' or attribution.made_at < platform_now() - interval '2 days')
order by attribution.made_at limit $1
"""
_CLAIM: Final = """
update attributions set noted_at = platform_now()
from orders
where attributions.order_id = $1 and attributions.noted_at is null
  and (orders.id, orders.tenant_id) = (attributions.order_id, attributions.tenant_id)
returning orders.payment_status = 'PAID' and orders.affiliate_id is not null as counts,
          attributions.affiliate_id || attributions.upline_ids as affiliate_ids
"""
# Whoever has brought the buyer has the order; those above have what they earn by it.
_FOLD: Final = """
insert into affiliate_days (tenant_id, affiliate_id, day, link_id, orders, paid_minor,
                            commission_minor)
select orders.tenant_id, who.id, (orders.paid_at at time zone 'UTC')::date as day,
       case when who.place = 1 then attribution.link_id end as link_id,
       (who.place = 1)::int, case when who.place = 1 then orders.total_minor else 0 end,
       coalesce((select sum(share.amount_minor) from line_shares share
                 where share.order_id = orders.id and share.party_id = who.id
                   and share.role = 'AFFILIATE'), 0)
from attributions attribution
join orders on (orders.id, orders.tenant_id) = (attribution.order_id, attribution.tenant_id)
cross join lateral unnest(attribution.affiliate_id || attribution.upline_ids)
    with ordinality as who (id, place)
where attribution.order_id = $1
order by who.id, day, link_id
on conflict (affiliate_id, day, link_id) do update
set orders = affiliate_days.orders + excluded.orders,
    paid_minor = affiliate_days.paid_minor + excluded.paid_minor,
    commission_minor = affiliate_days.commission_minor + excluded.commission_minor
"""


async def note_conversions() -> int:
    """Count what was paid since; returns how many orders were looked at."""
    due = await db.read(
        db.every_tenant(reason="count what affiliates have brought"), _DUE, ORDERS_AT_ONCE
    )
    noted = 0
    for row in due:
        try:
            noted += await _note(row["tenant_id"], row["order_id"])
        except Exception as error:  # one bad row must not stop the others
            log.error("conversion_not_noted", order=str(row["order_id"]), exc_info=error)
    return noted


async def _note(tenant_id: UUID, order_id: UUID) -> bool:
    """Count one order; False where somebody else has."""
    async with db.transaction(db.core_scope(tenant_id)):
        claimed = await db.fetch(_CLAIM, order_id)
        if claimed and claimed[0]["counts"]:
            await reviewing.look(tenant_id, order_id, claimed[0]["affiliate_ids"])
            await db.execute(_FOLD, order_id)
    if claimed and claimed[0]["counts"]:
        await news.conversion_recorded(claimed[0]["affiliate_ids"][0])
    return bool(claimed)
