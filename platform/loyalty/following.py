"""Customers follow their purchases: who is due is measured again and moved.

A sale or a refund appends a row to `tier_dues`, and the clock has `tier_due_at`; both only say that
somebody is to be looked at. The look locks the customer first and measures in a statement of its
own, so it sees every sale whose row it has taken: of two looks at once the later one is right.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from kernel.log import get_logger
from loyalty.standing import Gift, Measure, Move, Standing, follow

log = get_logger(__name__)

CUSTOMERS_AT_ONCE: Final = 200
PUT_OFF_FOR: Final = timedelta(minutes=10)
"""Who could not be looked at is tried again by the clock."""
_REASON: Final = "follow customers of every shop to their tiers"
THE_PLATFORM: Final = "platform"
"""Who moves a customer that nobody moves by hand."""

_TAKE: Final = """
with called as (
    delete from tier_dues where number in (
        select number from tier_dues order by number limit $1 for update skip locked)
    returning customer_id
), timed as (
    select id from customers where tier_due_at <= platform_now() order by tier_due_at limit $1
)
select customer_id from called union select id from timed
"""
_DUE: Final = """
with called as (select number, customer_id from tier_dues order by number limit $1),
timed as (
    select id from customers where tier_due_at <= platform_now() order by tier_due_at limit $1
), due as (
    select number, customer_id from called union all select null, id from timed
)
select customer_id, array_remove(array_agg(number), null) as numbers from due group by customer_id
"""
_TAKE_THESE: Final = "delete from tier_dues where number = any ($1::bigint[])"
_PUT_OFF: Final = """
with put_off as (delete from tier_dues where number = any ($1::bigint[]))
update customers set tier_due_at = platform_now() + $3::interval where id = $2
"""
# In one order, so that two workers wait for each other and never both.
_LOCK: Final = """
select buyer.tenant_id, buyer.id, buyer.given_tier_id, buyer.given_tier_until,
       buyer.earned_tier_id, buyer.tier_due_at,
       exists (select from membership_tiers gift
               where gift.id = buyer.given_tier_id and gift.retired_at is not null) as gift_retired
from customers buyer where buyer.id = any ($1::uuid[]) order by buyer.id for no key update
"""
_MEASURE: Final = """
select buyer.id as customer_id, clock.now, step.*
from (select platform_now() as now) as clock
cross join unnest($1::uuid[], $2::uuid[]) as buyer (tenant_id, id)
left join lateral tier_measures(buyer.tenant_id, buyer.id, clock.now) as step on true
"""
_MOVE: Final = """
update customers
set given_tier_id = stands.given, given_tier_until = stands.until,
    earned_tier_id = stands.earned, tier_due_at = stands.due_at
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::timestamptz[])
     as stands (id, given, until, earned, due_at)
where customers.id = stands.id
"""
_REMEMBER: Final = """
insert into customer_tier_changes (tenant_id, id, customer_id, happened_at, reason, from_tier_id,
                                   to_tier_id, spent_minor, window_days, actor)
select moved.*, $9 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[],
                               $6::uuid[], $7::uuid[], $8::bigint[], $10::smallint[])
                   as moved (tenant_id, id, customer_id, at, reason, left_id, reached_id, spent,
                             days)
"""


async def follow_tiers(at_most: int = CUSTOMERS_AT_ONCE) -> int:
    """Move the customers whose purchases, refunds or time may have moved them.

    Returns how many were looked at. Whatever stops it in the middle leaves them due; then they are
    looked at one by one, and whoever cannot be is put off.
    """
    try:
        async with db.transaction(db.every_tenant(reason=_REASON)):
            due = [row["customer_id"] for row in await db.fetch(_TAKE, at_most)]
            if due:
                await _look_at(due)
        return len(due)
    except Exception as error:
        log.error("tiers_not_followed", exc_info=error)
    return await _one_by_one(at_most)


async def _one_by_one(at_most: int) -> int:
    """Look at each customer who is due alone: one who cannot be measured, or all of them in a time
    that a statement does not have, must not keep the others where they are."""
    async with db.transaction(db.every_tenant(reason=_REASON)):
        due = await db.fetch(_DUE, at_most)
    for row in due:
        customer_id, numbers = row["customer_id"], row["numbers"]
        try:
            async with db.transaction(db.every_tenant(reason=_REASON)):
                await db.execute(_TAKE_THESE, numbers)
                await _look_at([customer_id])
        except Exception as error:  # one bad row must not stop the others
            log.error("tier_not_followed", customer=str(customer_id), exc_info=error)
            async with db.transaction(db.every_tenant(reason=_REASON)):
                await db.execute(_PUT_OFF, numbers, customer_id, PUT_OFF_FOR)
    return len(due)


async def _look_at(customer_ids: Sequence[UUID]) -> None:
    buyers = await db.fetch(_LOCK, customer_ids)
    measured = await db.fetch(
        _MEASURE, [row["tenant_id"] for row in buyers], [row["id"] for row in buyers]
    )
    ladders: dict[UUID, list[Measure]] = defaultdict(list)
    for row in measured:
        if row["tier_id"] is not None:
            ladders[row["customer_id"]].append(_measure(row))
    now = measured[0]["now"]
    stands: list[tuple[UUID, Standing]] = []
    moves: list[tuple[UUID, UUID, Move]] = []
    for row in buyers:
        before = standing_of(row)
        after, move = follow(before, ladders[row["id"]], now=now)
        if after != before:
            stands.append((row["id"], after))
        if move is not None:
            moves.append((row["tenant_id"], row["id"], move))
    if stands:
        await _write(stands)
    if moves:
        await _remember(moves, at=now)


def standing_of(row: Mapping[str, Any]) -> Standing:
    """What a customer's row says of its tier; it has `gift_retired`, too."""
    gift = None
    if row["given_tier_id"] is not None:
        gift = Gift(row["given_tier_id"], row["given_tier_until"], row["gift_retired"])
    return Standing(gift, row["earned_tier_id"], row["tier_due_at"])


def _measure(row: Mapping[str, Any]) -> Measure:
    return Measure(
        row["tier_id"], row["rank"], row["window_days"], row["spent_minor"], row["holds_until"]
    )


async def _write(stands: Sequence[tuple[UUID, Standing]]) -> None:
    gifts = [stand.gift for _, stand in stands]
    await db.execute(
        _MOVE,
        [customer_id for customer_id, _ in stands],
        [gift.tier_id if gift else None for gift in gifts],
        [gift.until if gift else None for gift in gifts],
        [stand.earned_tier_id for _, stand in stands],
        [stand.due_at for _, stand in stands],
    )


async def _remember(moves: Sequence[tuple[UUID, UUID, Move]], *, at: Any) -> None:
    await db.execute(
        _REMEMBER,
        [tenant_id for tenant_id, _, _ in moves],
        [new_id() for _ in moves],
        [customer_id for _, customer_id, _ in moves],
        [at for _ in moves],
        [move.reason for _, _, move in moves],
        [move.from_tier_id for _, _, move in moves],
        [move.to_tier_id for _, _, move in moves],
        [move.spent_minor for _, _, move in moves],
        THE_PLATFORM,
        [move.window_days for _, _, move in moves],
    )
