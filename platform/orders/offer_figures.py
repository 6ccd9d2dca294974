"""Counting what came of each offer's sales, apart from the sales: the read model behind a
comparison of offers.

Deliveries and refunds have ids in the order of time, so each is counted once, in batches, from the
last one on. What is younger than ten minutes waits: a transaction that began earlier may still
write an earlier id.
"""

from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.clock import unix_milliseconds
from kernel.statements import Statement

WINDOW_DAYS: Final = 90
SETTLED_AFTER_SECONDS: Final = 600
LISTINGS_AT_ONCE: Final = 500
_REASON: Final = "count what came of every offer's sales"

_DELIVERIES: Final = Statement("""
with fresh as materialized (
    select handed.id, coalesce(moved.to_listing_id, line.supplier_listing_id) as listing_id,
           handed.delivered_at::date as day,
           case when moved.id is null
                then extract(epoch from handed.delivered_at - orders.paid_at) else 0 end as seconds
    from (select id, order_id, line_id, delivered_at from delivered_keys
          where id > :after::uuid and id < :before::uuid order by id limit :batch::int) as handed
    join order_lines line on (line.order_id, line.id) = (handed.order_id, handed.line_id)
    join orders on orders.id = handed.order_id
    left join key_replacements moved
        on (moved.order_id, moved.line_id, moved.new_delivery_id)
         = (handed.order_id, handed.line_id, handed.id)
), counted as (
    insert into offer_days as known (listing_id, day, sold, within_10_seconds, within_minute,
                                     within_10_minutes, within_hour, within_day)
    select listing_id, day, count(*), count(*) filter (where seconds <= 10),
           count(*) filter (where seconds <= 60), count(*) filter (where seconds <= 600),
           count(*) filter (where seconds <= 3600), count(*) filter (where seconds <= 86400)
    from fresh group by listing_id, day
    on conflict (listing_id, day) do update
    set sold = known.sold + excluded.sold,
        within_10_seconds = known.within_10_seconds + excluded.within_10_seconds,
        within_minute = known.within_minute + excluded.within_minute,
        within_10_minutes = known.within_10_minutes + excluded.within_10_minutes,
        within_hour = known.within_hour + excluded.within_hour,
        within_day = known.within_day + excluded.within_day
)
select count(*) as rows, (array_agg(id order by id desc))[1] as last from fresh
""")
# A refund speaks of as many keys as its amount pays for. A key that nobody has opened and that came
# back says nothing of its supplier: whoever likes may buy and give back, and did not buy. Nor does
# what was canceled before a person delivered it: it was never counted as sold.
_REFUNDS: Final = Statement("""
with fresh as materialized (
    select refund.id, coalesce(moved.to_listing_id, line.supplier_listing_id) as listing_id,
           refund.created_at::date as day,
           least(line.quantity, ceil(refund.amount_minor::numeric * line.quantity
                                     / (line.net_minor - line.funded_minor)))::int as keys,
           refund.reason,
           exists (select from delivered_keys handed
                   where handed.order_id = refund.order_id and handed.line_id = refund.line_id)
               as was_delivered
    from (select id, order_id, line_id, amount_minor, reason, created_at from refunds
          where id > :after::uuid and id < :before::uuid order by id limit :batch::int) as refund
    left join order_lines line on (line.order_id, line.id) = (refund.order_id, refund.line_id)
    left join lateral (select to_listing_id from key_replacements
                       where (order_id, line_id) = (line.order_id, line.id)
                       order by id desc limit 1) as moved on true
), counted as (
    insert into offer_days as known (listing_id, day, faults, returned)
    select listing_id, day,
           coalesce(sum(keys) filter (where reason in ('SUPPLIER_FAULT', 'INSPECTION',
                                                       'FAST_REFUND')), 0),
           coalesce(sum(keys) filter (where reason not in ('SUPPLIER_FAULT', 'INSPECTION',
                                                           'FAST_REFUND') and was_delivered), 0)
    from fresh
    where reason in ('UNREVEALED_RETURN', 'CHANGE_OF_MIND', 'SUPPLIER_FAULT', 'INSPECTION',
                     'FAST_REFUND')
      and listing_id is not null
    group by listing_id, day
    on conflict (listing_id, day) do update
    set faults = known.faults + excluded.faults, returned = known.returned + excluded.returned
)
select count(*) as rows, (array_agg(id order by id desc))[1] as last from fresh
""")
_REPLACEMENTS: Final = Statement("""
with fresh as materialized (
    select id, from_listing_id as listing_id, replaced_at::date as day from key_replacements
    where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), counted as (
    insert into offer_days as known (listing_id, day, faults)
    select listing_id, day, count(*) from fresh group by listing_id, day
    on conflict (listing_id, day) do update set faults = known.faults + excluded.faults
)
select count(*) as rows, (array_agg(id order by id desc))[1] as last from fresh
""")
_SOURCES: Final = {
    "DELIVERIES": _DELIVERIES,
    "REFUNDS": _REFUNDS,
    "REPLACEMENTS": _REPLACEMENTS,
}

_SUM_UP: Final = """
insert into offer_figures as known (listing_id, sold, faults, typical_seconds)
select listing.id, greatest(coalesce(sum(day.sold) - sum(day.returned), 0), 0),
       coalesce(sum(day.faults), 0),
       case when sum(day.sold) is null or sum(day.sold) = 0 then null
            when 2 * sum(day.within_10_seconds) >= sum(day.sold) then 10
            when 2 * sum(day.within_minute) >= sum(day.sold) then 60
            when 2 * sum(day.within_10_minutes) >= sum(day.sold) then 600
            when 2 * sum(day.within_hour) >= sum(day.sold) then 3600
            when 2 * sum(day.within_day) >= sum(day.sold) then 86400
            else 259200 end
from unnest($1::uuid[]) as listing (id)
left join offer_days day
     on day.listing_id = listing.id and day.day > platform_now()::date - $2::int
group by listing.id
on conflict (listing_id) do update
set sold = excluded.sold, faults = excluded.faults, typical_seconds = excluded.typical_seconds
where (known.sold, known.faults, known.typical_seconds)
      is distinct from (excluded.sold, excluded.faults, excluded.typical_seconds)
"""


async def count_sales(at_most: int) -> int:
    """Count deliveries and refunds that have not been counted; returns how many that were.

    Two at once count nothing twice: each source's place is locked, and whoever finds it locked
    leaves the work to the other.
    """
    return max([await count_fresh(one, _SOURCES[one], at_most) for one in _SOURCES])


async def count_fresh(source: str, statement: Statement, at_most: int) -> int:
    """Count what has come to a source behind its mark, by a statement that gives `rows` and `last`;
    returns how many rows that were."""
    async with db.transaction(db.every_tenant(reason=_REASON)):
        after: UUID | None = await db.fetch_value(
            "select after_id from counted_so_far where source = $1 for update skip locked", source
        )
        if after is None:
            return 0
        values: dict[str, Any] = {"after": after, "before": _settled_before(), "batch": at_most}
        row = await db.fetch_row(statement.sql, *statement.values(values))
        assert row is not None
        if row["last"] is not None:
            await db.execute(
                "update counted_so_far set after_id = $2 where source = $1", source, row["last"]
            )
    counted: int = row["rows"]
    return counted


async def sum_up() -> int:
    """Write the figures that pages show, where they have changed; returns how many.

    An unchanged figure is not written: a written one makes every kept page old.
    """
    changed, after = 0, UUID(int=0)
    while listing_ids := await _listings_after(after):
        async with db.transaction(db.every_tenant(reason=_REASON)):
            changed += await db.execute(_SUM_UP, listing_ids, WINDOW_DAYS)
            await db.execute(
                """delete from offer_days
                   where day <= platform_now()::date - $1::int and listing_id = any ($2)""",
                WINDOW_DAYS,
                listing_ids,
            )
        after = listing_ids[-1]
    return changed


async def _listings_after(after: UUID) -> list[UUID]:
    rows = await db.read(
        db.every_tenant(reason=_REASON),
        """select listing_id from offer_days where listing_id > $1
           group by listing_id order by listing_id limit $2""",
        after,
        LISTINGS_AT_ONCE,
    )
    return [row["listing_id"] for row in rows]


def _settled_before() -> UUID:
    """The smallest id of a moment that nobody still writes about."""
    return UUID(int=(unix_milliseconds() + 1 - SETTLED_AFTER_SECONDS * 1_000) << 80)
