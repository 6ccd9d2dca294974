"""When a shop has changed its ladder, all of its customers are looked at, some at a time."""

from typing import Final

from kernel import db

CUSTOMERS_AT_ONCE: Final = 1_000
_REASON: Final = "walk over the customers of a shop that has changed its ladder"

_STEP: Final = """
with walk as materialized (
    select tenant_id, starts_at, after_customer_id from tier_recounts
    where starts_at <= platform_now()
      and not exists (select from tier_dues offset $1)  -- nobody waits behind a whole shop
    order by starts_at limit 1 for update skip locked
), next as materialized (
    select buyer.tenant_id, buyer.id
    from walk cross join lateral (
        select tenant_id, id from customers
        where tenant_id = walk.tenant_id and id > walk.after_customer_id
        order by id limit $1) as buyer
), due as (
    insert into tier_dues (tenant_id, customer_id) select tenant_id, id from next
), gone_on as (
    update tier_recounts set after_customer_id = (select max(id::text)::uuid from next)
    from walk
    where tier_recounts.tenant_id = walk.tenant_id and tier_recounts.starts_at = walk.starts_at
      and (select count(*) from next) = $1
), at_its_end as (
    delete from tier_recounts using walk
    where tier_recounts.tenant_id = walk.tenant_id and tier_recounts.starts_at = walk.starts_at
      and (select count(*) from next) < $1
)
select count(*) from next
"""


async def recount_tiers(at_most: int = CUSTOMERS_AT_ONCE) -> int:
    """Make the next customers of such a shop due; returns how many.

    `follow_tiers` looks at them. A walk that is interrupted goes on where it was, and one that is
    faster than the looks waits for them: buyers of other shops are in the same line.
    """
    async with db.transaction(db.every_tenant(reason=_REASON)):
        walked: int = await db.fetch_value(_STEP, at_most)
    return walked
