"""Purchases, refunds and looks of one customer at once: at the end the tier is that of the book."""

import random
from dataclasses import dataclass
from uuid import UUID

import pytest

from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from ladders import (
    bought_by,
    build_ladder,
    earned_by_the_book,
    follow_everybody,
    moment,
    shop_of,
    tier_of,
)
from loyalty.following import follow_tiers
from loyalty.tiers import Tier, TierDraft
from orders import refunds
from races.crowd import Outcome, all_at_once
from races.mutants import gate_that_opens_for_two
from races.purchases import PRICE_MINOR, quick_buy
from tenants.directory import Shop
from world import Person, World

pytestmark = pytest.mark.engines


# The tempting mistake: a sum that every sale and every refund reads and writes. Between the two
# they wait at the gate until there are two of them.
COUNTS_AND_WRITES = """
create table spent_so_far (customer_id uuid primary key, minor bigint not null);
grant select, insert, update on spent_so_far to kameng_core;
create function count_spending() returns trigger language plpgsql as $$
declare
    before bigint;
begin
    select minor into before from spent_so_far where customer_id = new.customer_id;
    perform pg_advisory_xact_lock_shared(4711);
    update spent_so_far
    set minor = before + new.total_minor - new.refunded_minor
                - case when tg_op = 'UPDATE' then old.total_minor - old.refunded_minor else 0 end
    where customer_id = new.customer_id;
    return null;
end $$;
create trigger count_bought after insert on orders
    for each row when (new.is_ranked) execute function count_spending();
create trigger count_refunded after update of refunded_minor on orders
    for each row when (new.is_ranked) execute function count_spending();
create or replace function tier_measures(shop uuid, customer uuid, moment timestamptz)
returns table (tier_id uuid, rank smallint, window_days smallint, spent_minor bigint,
               holds_until timestamptz)
language sql stable as $$
    select tier.id, tier.rank, tier.window_days, counted.minor,
           case when counted.minor >= tier.spent_minor then moment + interval '30 days' end
    from membership_tiers tier, spent_so_far counted
    where tier.tenant_id = shop and counted.customer_id = customer
$$
"""


@dataclass(frozen=True)
class Sold:
    """A delivered order of one key, by what a refund names."""

    no: str
    line_id: UUID


async def ladder_of(shop: Shop, *, left: int) -> list[Tier]:
    """Three tiers around so many orders that are left: one more or less is another tier."""
    steps = enumerate((1, left, left + 1), 1)
    return await build_ladder(
        shop,
        *(
            TierDraft(
                name=f"tier {rank}", rank=rank, spent_minor=orders * PRICE_MINOR, window_days=30
            )
            for rank, orders in steps
        ),
    )


async def buy(shop: Shop, world: World, buyer: Person) -> None:
    await quick_buy(shop, world.goods, customer_id=buyer.id, method="WALLET")


async def give_back(shop: Shop, sold: Sold) -> None:
    await refunds.refund_line(
        shop=shop,
        actor="staff:test",
        order_no=sold.no,
        line_id=sold.line_id,
        amount_minor=PRICE_MINOR,
        reason="SUPPLIER_FAULT",
        idempotency_key=new_id().hex,
    )


async def bought_before(shop: Shop, world: World, buyer: Person, count: int) -> list[Sold]:
    """So many orders, one after the other."""
    for _ in range(count):
        await buy(shop, world, buyer)
    rows = await world.owner.fetch(
        "select orders.no, line.id from orders join order_lines line on line.order_id = orders.id"
    )
    return [Sold(row["no"], row["id"]) for row in rows]


async def look() -> None:
    await follow_tiers()


async def faults_of(
    outcome: Outcome[None], world: World, buyer: Person, tiers: list[Tier], *, left: int
) -> list[str]:
    """What is wrong after a crowd that leaves so many orders; an empty list is good news."""
    found = [repr(error) for error in outcome.errors[:3]] + [*outcome.refused]
    await follow_everybody()
    bought = [one for one in await bought_by(world.owner, buyer) if one.minor]
    if len(bought) != left:
        found.append(f"{len(bought)} orders are left of {left}")
    wanted = earned_by_the_book(bought, tiers, await moment(world.owner))
    if wanted != tiers[1].id or await tier_of(world.owner, buyer) != wanted:
        found.append("not the tier of the book")
    return found


async def test_two_hundred_purchases_refunds_and_looks_end_at_the_tier_of_the_book(
    shop: Shop, world: World, database: Settings
) -> None:
    before, more = 40, 120
    await world.keys(before + more)
    buyer = await world.customer(wallet_minor=(before + more) * PRICE_MINOR)
    tiers = await ladder_of(shop, left=more)
    shop = await shop_of(world.shop)
    sold = await bought_before(shop, world, buyer, before)
    calls = [
        *(buy(shop, world, buyer) for _ in range(more)),
        *(give_back(shop, one) for one in sold),
        *(look() for _ in range(60)),
    ]

    outcome = await all_at_once(random.sample(calls, len(calls)))

    assert await faults_of(outcome, world, buyer, tiers, left=more) == []
    assert await world.owner.fetchval("select count(*) from tier_dues") == 0
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_sum_that_is_read_and_then_written(
    shop: Shop, world: World, database: Settings
) -> None:
    before, more = 4, 6
    await world.keys(before + more)
    buyer = await world.customer(wallet_minor=(before + more) * PRICE_MINOR)
    tiers = await ladder_of(shop, left=more)
    shop = await shop_of(world.shop)
    await world.owner.execute(COUNTS_AND_WRITES)
    await world.owner.execute("insert into spent_so_far values ($1, 0)", buyer.id)
    sold = await bought_before(shop, world, buyer, before)

    async with gate_that_opens_for_two():  # each of them has read the same sum
        outcome = await all_at_once(
            [
                *(buy(shop, world, buyer) for _ in range(more)),
                *(give_back(shop, one) for one in sold),
            ]
        )

    faults = await faults_of(outcome, world, buyer, tiers, left=more)
    assert faults == ["not the tier of the book"]
