"""Points under crowds: one balance is spent once, and what comes back meanwhile is not lost."""

import asyncio

import pytest

from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish
from orders import expiry, paying
from orders.checkout import Buyer, OrderMade
from orders.records import Viewer
from points_desk import balance, begin_program, plant_points
from promotions.points.expiring import expire_points
from races.crowd import all_at_once
from races.mutants import gate_that_opens_for_two
from races.purchases import PRICE_MINOR
from tenants.directory import Shop
from world import Person, World

pytestmark = pytest.mark.engines

REQUESTS, AT_ONCE, HELD = 300, 100, 1_050

# The tempting mistake: read what is left, and then write what will be. Callers overlap for certain:
# between the two they wait until there are two of them.
READS_AND_WRITES = """
create or replace function draw_points(
    shop uuid, of_customer uuid, wanted bigint, move_kind text, of_order uuid, of_refund uuid,
    by_actor text, said_reason text, of_request text, moment timestamptz
) returns bigint language plpgsql volatile as $$
declare
    lot uuid;
    held bigint;
begin
    select id, left_points into lot, held from points_lots
    where tenant_id = shop and customer_id = of_customer and left_points >= wanted limit 1;
    perform pg_advisory_xact_lock_shared(4711);
    if lot is null then
        return 0;
    end if;
    update points_lots set left_points = held - wanted where tenant_id = shop and id = lot;
    insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, moved_at)
    values (shop, of_customer, lot, move_kind, -wanted, of_order, moment);
    return wanted;
end $$
"""


async def redeem(shop: Shop, world: World, by: Person, *, method: str | None = None) -> OrderMade:
    """One key, a part of it with points."""
    return await paying.quick_buy(
        shop=shop,
        buyer=Buyer(by.id),
        wish=Wish(world.goods.sku_id, 1),
        expected_total_minor=PRICE_MINOR - AT_ONCE,
        contact=None,
        affiliate_code=None,
        method=method,
        redeem_points=AT_ONCE,
        idempotency_key=new_id().hex,
    )


@pytest.mark.parametrize("method", [None, "WALLET"])
async def test_three_hundred_orders_at_once_spend_one_balance_once(
    shop: Shop, world: World, database: Settings, method: str | None
) -> None:
    await world.keys(30)
    buyer = await world.customer(wallet_minor=20 * PRICE_MINOR)
    shop = await begin_program(shop, earn_bp=0)
    for points in (HELD - 120, 70, 50):
        await plant_points(world.owner, shop, buyer, points)

    outcome = await all_at_once(redeem(shop, world, buyer, method=method) for _ in range(REQUESTS))

    assert outcome.errors == []
    assert (len(outcome.done), set(outcome.refused)) == (10, {"POINTS_NOT_APPLICABLE"})
    assert await balance(shop, buyer) == HELD - 10 * AT_ONCE
    assert await verify(database.database_url) == []


async def test_points_that_come_back_and_end_while_others_take_them_are_there_once(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(60)
    buyer = await world.customer()
    shop = await begin_program(shop, earn_bp=0)
    for points in (HELD - 120, 70, 50):
        await plant_points(world.owner, shop, buyer, points)
    for _ in range(10):
        await redeem(shop, world, buyer)
    numbers = [row["no"] for row in await world.owner.fetch("select no from orders")]

    async def cancel(no: str) -> None:
        await expiry.cancel_order(shop=shop, viewer=Viewer(buyer.id), order_no=no)

    canceled, bought, _ = await asyncio.gather(
        all_at_once(cancel(no) for no in numbers * 2),
        all_at_once(redeem(shop, world, buyer) for _ in range(100)),
        all_at_once(expire_points(10) for _ in range(20)),
    )

    assert (canceled.errors, bought.errors) == ([], [])
    assert len(bought.done) <= 10
    assert await balance(shop, buyer) == HELD - len(bought.done) * AT_ONCE
    assert await verify(database.database_url) == []


async def test_the_check_notices_points_that_are_read_and_then_written(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(10)
    buyer = await world.customer()
    shop = await begin_program(shop, earn_bp=0)
    await plant_points(world.owner, shop, buyer, AT_ONCE)
    await world.owner.execute(READS_AND_WRITES)

    async with gate_that_opens_for_two():  # each of them sees the points for one
        outcome = await all_at_once(redeem(shop, world, buyer) for _ in range(REQUESTS))

    assert len(outcome.done) > 1
    assert "I21" in {breach.invariant for breach in await verify(database.database_url)}
