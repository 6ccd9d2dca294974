"""Buyers compete for the same keys: none is sold twice, and none stays behind unsold."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers import quotes
from offers.quotes import Wish
from orders import checkout, expiry, placing, placing_statements
from orders.checkout import Buyer, OrderMade
from orders.drafts import Draft
from orders.placing_statements import Way
from races.crowd import Outcome, all_at_once
from races.mutants import Meeting, gate_that_opens_for_two, that_waits_at_the_gate, without
from races.purchases import key_statuses, promised_twice, quantities, quick_buy
from supply import pool
from supply.pool import OutOfStock, Wanted
from tenants.directory import Shop
from world import Goods, World

pytestmark = pytest.mark.engines

KEYS, BUYERS = 50, 400


async def rush(shop: Shop, world: World) -> Outcome[OrderMade]:
    """400 guests want one key each, and there are 50."""
    await world.keys(KEYS)
    return await all_at_once(quick_buy(shop, world.goods) for _ in range(BUYERS))


async def faults_of(rush: Outcome[OrderMade], world: World) -> list[str]:
    """What is wrong after the rush; an empty list is good news."""
    found = [repr(error) for error in rush.errors[:3]]
    if len(rush.done) != KEYS:
        found.append(f"{len(rush.done)} orders for {KEYS} keys")
    if rush.refused != {"OUT_OF_STOCK": BUYERS - KEYS}:
        found.append(f"refused: {rush.refused}")
    if twice := await promised_twice(world.owner):
        found.append(f"{len(twice)} keys are promised twice")
    if (statuses := await key_statuses(world.owner, world.goods)) != {"HELD": KEYS}:
        found.append(f"keys: {statuses}")
    return found


async def test_four_hundred_buyers_get_fifty_keys(
    shop: Shop, world: World, database: Settings
) -> None:
    outcome = await rush(shop, world)

    assert await faults_of(outcome, world) == []
    assert await verify(database.database_url) == []


async def hold_by_reading_first(wanted: Wanted, *, until: datetime, meeting: Meeting) -> list[UUID]:
    """The tempting mistake: look for free keys, then take them."""
    rows = await db.fetch(
        """select id from keys where supplier_listing_id = $1 and status = 'AVAILABLE'
           order by position limit $2""",
        wanted.supplier_listing_id,
        wanted.quantity,
    )
    if len(rows) < wanted.quantity:
        raise OutOfStock("Sold out.")
    key_ids = [row["id"] for row in rows]
    await meeting.join()
    await db.execute(
        """update keys set status = 'HELD', held_by_line_id = $2, held_until = $3
           where id = any ($1)""",
        key_ids,
        wanted.line_id,
        until,
    )
    return key_ids


async def nothing_at_hand(draft: Draft) -> None:
    """As if the keys did not suffice: everybody takes them in turn."""
    raise placing.Short


@pytest.mark.parametrize("way", ["at once", "in turn"])
async def test_the_check_notices_a_hold_that_reads_first_and_writes_then(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "at once":
        order = placing_statements.at_once(Way())
        naive = that_waits_at_the_gate(without("for update skip locked", order))
        monkeypatch.setattr(placing_statements, "at_once", lambda _: naive)
        async with gate_that_opens_for_two():
            outcome = await rush(shop, world)
    else:
        monkeypatch.setattr(placing, "place_at_once", nothing_at_hand)
        hold = partial(hold_by_reading_first, meeting=Meeting())
        monkeypatch.setattr(pool, "hold", hold)
        outcome = await rush(shop, world)

    assert any("promised twice" in fault for fault in await faults_of(outcome, world))


async def free_keys(owner: asyncpg.Connection) -> int:
    free: int = await owner.fetchval("select count(*) from keys where status = 'AVAILABLE'")
    return free


@pytest.mark.parametrize("buyers", [3, 40])
async def test_of_twenty_five_keys_two_buyers_of_ten_are_served_and_five_keys_stay_free(
    shop: Shop, world: World, database: Settings, buyers: int
) -> None:
    await world.keys(25)

    outcome = await all_at_once(quick_buy(shop, world.goods, quantity=10) for _ in range(buyers))

    assert outcome.errors == []
    assert await quantities(world.owner, outcome.done) == [10, 10]
    assert outcome.refused == {"OUT_OF_STOCK": buyers - 2}
    assert await promised_twice(world.owner) == []
    assert await free_keys(world.owner) == 5
    last = await all_at_once(quick_buy(shop, world.goods, quantity=5) for _ in range(buyers))
    assert await quantities(world.owner, last.done) == [5]
    assert await verify(database.database_url) == []


async def served(shop: Shop, world: World, wishes: Sequence[int]) -> Outcome[OrderMade]:
    return await all_at_once(quick_buy(shop, world.goods, quantity=quantity) for quantity in wishes)


async def test_a_large_order_is_not_starved_by_small_ones_that_leave_enough_keys(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(60)

    outcome = await served(shop, world, [1] * 40 + [20])

    assert outcome.errors == []
    assert outcome.refused == {}
    assert sorted(await quantities(world.owner, outcome.done)) == [1] * 40 + [20]
    assert await verify(database.database_url) == []


async def test_keys_of_holds_that_have_run_out_are_sold_again_and_only_once(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(30)
    hoarders = await all_at_once(quick_buy(shop, world.goods, quantity=6) for _ in range(5))
    assert len(hoarders.done) == 5
    await world.shift_clock("16 minutes")

    outcome = await all_at_once(quick_buy(shop, world.goods, quantity=4) for _ in range(60))

    assert outcome.errors == []
    assert await quantities(world.owner, outcome.done) == [4] * 7
    assert outcome.refused == {"OUT_OF_STOCK": 53}
    held = "select count(*) from keys where status = 'HELD' and held_until > platform_now()"
    assert await world.owner.fetchval(held) == 28
    for order in hoarders.done:
        await expiry.expire_order(shop.id, order.order_id)
    assert await verify(database.database_url) == []


async def order_both(shop: Shop, first: Goods, second: Goods) -> OrderMade:
    """Three keys of each, in a cart filled in this order."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        quote = await quotes.quote(shop, [Wish(goods.sku_id, 3) for goods in (first, second)])
    return await checkout.create_order(
        shop=shop,
        buyer=Buyer(),
        quote_id=quote.id,
        contact=None,
        affiliate_code=None,
        idempotency_key=new_id().hex,
    )


async def test_carts_filled_in_opposite_order_do_not_lock_each_other_out(
    shop: Shop, world: World, database: Settings
) -> None:
    here, there = world.goods, await world.more_goods("steam-card")
    await world.keys(30, here)
    await world.keys(30, there)

    outcome = await all_at_once(
        order_both(shop, *pair) for _ in range(20) for pair in ((here, there), (there, here))
    )

    assert outcome.errors == []
    assert len(outcome.done) == 10
    assert outcome.refused == {"OUT_OF_STOCK": 30}
    assert await promised_twice(world.owner) == []
    assert await verify(database.database_url) == []
