"""A shop's ladder of tiers for tests, planted purchases, and a second opinion on who stands where.

The second opinion does what the rule says, word by word and slowly: it looks at every moment of the
grace at which something could have been different, and adds up the window that ended there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kernel import db
from kernel.ids import new_id
from loyalty.following import follow_tiers
from loyalty.recounting import recount_tiers
from loyalty.tiers import Tier, TierDraft, upsert_tier
from tenants.directory import Shop, current_shop
from world import Person, ShopAt

TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Bought:
    """A delivered order: when it was made, and what of it was paid and not refunded."""

    made_at: datetime
    minor: int


async def shop_of(at: ShopAt) -> Shop:
    """A shop as a request sees it now."""
    async with db.transaction(db.core_scope(at.id)):
        return await current_shop(at.id)


async def build_ladder(shop: Shop, *steps: TierDraft) -> list[Tier]:
    """Tiers of a shop, and the walk over its customers that follows is done."""
    tiers = [await upsert_tier(shop, step) for step in steps]
    await follow_everybody()
    return tiers


async def follow_everybody() -> None:
    """What the worker does about tiers, until nobody is due."""
    while await recount_tiers() or await follow_tiers():
        pass


async def plant_purchase(
    owner: asyncpg.Connection, at: ShopAt, buyer: Person, minor: int, *, made_at: datetime
) -> UUID:
    """An order that was made, paid and delivered at a moment; its lines are not planted."""
    order_id = new_id()
    await owner.execute(
        """insert into orders (id, tenant_id, no, customer_id, path, currency, total_minor,
                               payment_status, fulfilment_status, created_at, expires_at, paid_at,
                               delivered_at, is_ranked)
           values ($1, $2, 'K20260101-' || upper(right(replace($1::uuid::text, '-', ''), 10)), $3,
                   $4, 'CNY', $5, 'PAID', 'DELIVERED', $6, $6, $6, $6, true)""",
        order_id, at.id, buyer.id, list(at.path), minor, made_at,
    )  # fmt: skip
    return order_id


async def plant_refund(owner: asyncpg.Connection, order_id: UUID, minor: int) -> None:
    """So much of an order was refunded."""
    await owner.execute(
        """update orders set refunded_minor = refunded_minor + $2,
                  aftersale_status = case when refunded_minor + $2 = total_minor then 'REFUNDED'
                                          else 'PARTIALLY_REFUNDED' end
           where id = $1""",
        order_id,
        minor,
    )


async def bought_by(owner: asyncpg.Connection, buyer: Person) -> list[Bought]:
    """What stands in the database of a customer's delivered orders."""
    rows = await owner.fetch(
        """select created_at, total_minor - refunded_minor as minor from orders
           where customer_id = $1 and delivered_at is not null""",
        buyer.id,
    )
    return [Bought(row["created_at"], row["minor"]) for row in rows]


async def tier_of(owner: asyncpg.Connection, buyer: Person) -> UUID | None:
    """The tier that holds of a customer."""
    tier_id: UUID | None = await owner.fetchval(
        "select tier_id from customers where id = $1", buyer.id
    )
    return tier_id


async def history(owner: asyncpg.Connection, buyer: Person) -> list[tuple[Any, ...]]:
    """Why a customer came from which tier to which, and the sum in how many days, oldest first."""
    rows = await owner.fetch(
        """select moved.reason, gone.name as left_tier, come.name, moved.spent_minor,
                  moved.window_days
           from customer_tier_changes moved
           left join membership_tiers gone on gone.id = moved.from_tier_id
           left join membership_tiers come on come.id = moved.to_tier_id
           where moved.customer_id = $1 order by moved.id""",
        buyer.id,
    )
    return [tuple(row) for row in rows]


async def moment(owner: asyncpg.Connection) -> datetime:
    """The platform's time."""
    now: datetime = await owner.fetchval("select platform_now()")
    return now


def earned_by_the_book(
    bought: Sequence[Bought], tiers: Sequence[Tier], now: datetime
) -> UUID | None:
    """The highest tier whose threshold a window has held at some moment of the grace."""
    held = [tier for tier in tiers if _is_held(bought, tier, now)]
    return max(held, key=lambda tier: tier.rank).id if held else None


def spent_by_the_book(bought: Sequence[Bought], tier: Tier, now: datetime) -> int:
    """What was bought within the tier's window until now."""
    assert tier.window_days is not None
    since = now - timedelta(days=tier.window_days)
    return sum(one.minor for one in bought if one.made_at > since)


async def spent_as_measured(
    owner: asyncpg.Connection, at: ShopAt, buyer: Person, now: datetime
) -> dict[UUID, int]:
    """What the database says of the same, for each tier."""
    rows = await owner.fetch(
        "select tier_id, spent_minor from tier_measures($1, $2, $3)", at.id, buyer.id, now
    )
    return {row["tier_id"]: row["spent_minor"] for row in rows}


def _is_held(bought: Sequence[Bought], tier: Tier, now: datetime) -> bool:
    if tier.spent_minor is None or tier.window_days is None:
        return False
    window = timedelta(days=tier.window_days)
    first = now - timedelta(days=tier.grace_days)
    edges = [one.made_at for one in bought]
    edges += [one.made_at + window - TICK for one in bought]
    moments = [first, now, *(edge for edge in edges if first <= edge <= now)]
    return any(
        sum(one.minor for one in bought if one.made_at <= at < one.made_at + window)
        >= tier.spent_minor
        for at in moments
    )
