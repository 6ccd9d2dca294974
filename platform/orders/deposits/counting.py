"""Counting what could still be claimed of whom, apart from the sales (as `offer_figures`).

An hour of a party has what its deliveries brought, until when they can be claimed, what was given
back of it, and how many pieces were bad by its own fault. A piece is the supplier's who has
delivered it, and the shop's that has sold it, but for what the shop has bought itself.
"""

from typing import Final

from kernel import db
from kernel.statements import Statement
from orders.offer_figures import count_fresh

COUNTED_AT_ONCE: Final = 5_000
FORGOTTEN_AT_ONCE: Final = 5_000
OPEN_HOURS: Final = 7 * 24
"""How long a delivery can be claimed at least; longer where its warranty is."""
WINDOW_DAYS: Final = 30
"""Of how many days an invalid rate is."""

_COUNT: Final = """
counted as (
    insert into deposit_hours as known (party_kind, party_id, currency, sold_hour, open_until, sold,
                                        faults, paid_minor, refunded_minor)
    select kind, id, currency, date_trunc('hour', delivered_at),
           date_trunc('hour', delivered_at) + make_interval(hours => open_hours + 1),
           sum(sold), sum(faults), sum(paid_minor), sum(refunded_minor)
    from of_party group by 1, 2, 3, 4, 5
    on conflict (party_id, currency, sold_hour, open_until) do update
    set sold = known.sold + excluded.sold, faults = known.faults + excluded.faults,
        paid_minor = known.paid_minor + excluded.paid_minor,
        refunded_minor = known.refunded_minor + excluded.refunded_minor
)
select count(*) as rows, (array_agg(id order by id desc))[1] as last from fresh
"""
# A key that stands for a bad one is another supplier's, or counts for nobody: its sale is counted.
_LISTING: Final = f"""
join orders on orders.id = line.order_id
left join lateral (select moved.to_listing_id, moved.posting_id, moved.id
                   from key_replacements moved
                   where (moved.order_id, moved.line_id) = (line.order_id, line.id) {{which}}
                   order by moved.id desc limit 1) as moved on true
join supplier_listings listing
    on listing.id = coalesce(moved.to_listing_id, line.supplier_listing_id)
cross join lateral (
    values ('SUPPLIER', listing.supplier_id, greatest(listing.warranty_hours, {OPEN_HOURS}), true),
           ('TENANT', orders.tenant_id, {OPEN_HOURS},
            cardinality(orders.path) > 1 and not orders.at_cost)
) as party (kind, id, open_hours, counts)
"""

_DELIVERIES: Final = Statement(f"""
with fresh as materialized (
    select id, order_id, line_id, delivered_at from delivered_keys
    where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), of_party as (
    select party.kind, party.id, party.open_hours, orders.currency, fresh.delivered_at, 1 as sold,
           0 as faults, (line.net_minor - line.funded_minor) / line.quantity as paid_minor,
           0 as refunded_minor
    from fresh join order_lines line on (line.order_id, line.id) = (fresh.order_id, fresh.line_id)
    {_LISTING.format(which="and moved.new_delivery_id = fresh.id")}
    where party.counts
      and (moved.id is null or (party.kind = 'SUPPLIER' and moved.posting_id is not null))
), {_COUNT}
""")
# Of what was never delivered nothing could be claimed, and nothing of it was counted.
_REFUNDS: Final = Statement(f"""
with fresh as materialized (
    select id, order_id, line_id, amount_minor, reason from refunds
    where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), of_party as (
    select party.kind, party.id, party.open_hours, orders.currency, first.delivered_at, 0 as sold,
           case when (party.kind, fresh.reason) in (('SUPPLIER', 'SUPPLIER_FAULT'),
                                                    ('SUPPLIER', 'INSPECTION'),
                                                    ('SUPPLIER', 'FAST_REFUND'),
                                                    ('TENANT', 'SHOP_FAULT'))
                then least(line.quantity, ceil(fresh.amount_minor::numeric * line.quantity
                                               / (line.net_minor - line.funded_minor)))::int
                else 0 end as faults,
           0 as paid_minor, fresh.amount_minor as refunded_minor
    from fresh join order_lines line on (line.order_id, line.id) = (fresh.order_id, fresh.line_id)
    cross join lateral (select min(handed.delivered_at) as delivered_at from delivered_keys handed
                        where (handed.order_id, handed.line_id) = (line.order_id, line.id)) as first
    {_LISTING.format(which="")}
    where party.counts and first.delivered_at > platform_now() - interval '{WINDOW_DAYS} days'
), {_COUNT}
""")
# A bad key is its supplier's fault, and where another supplier has made it good, nothing of it can
# be claimed of the first one any more.
_REPLACEMENTS: Final = Statement(f"""
with fresh as materialized (
    select id, order_id, line_id, old_delivery_id, from_listing_id, supplier_id, posting_id
    from key_replacements
    where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), of_party as (
    select 'SUPPLIER' as kind, fresh.supplier_id as id,
           greatest(listing.warranty_hours, {OPEN_HOURS}) as open_hours, listing.currency,
           bad.delivered_at, 0 as sold, 1 as faults, 0 as paid_minor,
           case when fresh.posting_id is null then 0
                else (line.net_minor - line.funded_minor) / line.quantity end as refunded_minor
    from fresh join order_lines line on (line.order_id, line.id) = (fresh.order_id, fresh.line_id)
    join delivered_keys bad on bad.id = fresh.old_delivery_id
    join supplier_listings listing on listing.id = fresh.from_listing_id
    where bad.delivered_at > platform_now() - interval '{WINDOW_DAYS} days'
), {_COUNT}
""")
_SOURCES: Final = {
    "DEPOSIT_DELIVERIES": _DELIVERIES,
    "DEPOSIT_REFUNDS": _REFUNDS,
    "DEPOSIT_REPLACEMENTS": _REPLACEMENTS,
}


async def count_claimable(at_most: int = COUNTED_AT_ONCE) -> int:
    """Count deliveries and refunds that have not been counted; returns how many that were."""
    return max([await count_fresh(one, _SOURCES[one], at_most) for one in _SOURCES])


async def forget_hours(at_most: int = FORGOTTEN_AT_ONCE) -> int:
    """Forget hours of which nothing can be claimed and no rate is made any more."""
    async with db.transaction(db.core_scope()):
        return await db.execute(
            """delete from deposit_hours where ctid in (
                   select ctid from deposit_hours
                   where sold_hour < platform_now() - make_interval(days => $2)
                     and open_until < platform_now() limit $1)""",
            at_most,
            WINDOW_DAYS,
        )
