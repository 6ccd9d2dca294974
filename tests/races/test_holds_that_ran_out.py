"""Holds that have run out are taken over, freed and paid for late, all at the same moment."""

import random
from collections import Counter

import pytest

from billing.payment_methods.base import ChannelReport
from entrypoints.verify import verify
from kernel.settings import Settings
from orders import expiry, settlement
from orders.checkout import OrderMade
from races.crowd import all_at_once
from races.purchases import (
    PRICE_MINOR,
    key_statuses,
    open_card_payment,
    promised_twice,
    quantities,
    quick_buy,
)
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines


async def ordered(shop: Shop, world: World, *, orders: int, quantity: int) -> list[OrderMade]:
    """Unpaid orders of so many keys each."""
    made = await all_at_once(quick_buy(shop, world.goods, quantity=quantity) for _ in range(orders))
    assert len(made.done) == orders, made
    return made.done


async def expire_the_rest(shop: Shop, orders: list[OrderMade]) -> None:
    """What the worker's sweep does."""
    for order in orders:
        await expiry.expire_order(shop.id, order.order_id)


async def test_the_sweep_and_new_buyers_do_not_wait_for_each_other_in_a_circle(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(120)
    orders = await ordered(shop, world, orders=20, quantity=6)
    await world.shift_clock("16 minutes")
    sweeps = [expiry.expire_order(shop.id, order.order_id) for order in orders]
    buyers = [quick_buy(shop, world.goods, quantity=7) for _ in range(20)]

    outcome = await all_at_once(random.sample([*sweeps, *buyers], 40))

    assert outcome.errors == []
    assert outcome.refused == {"OUT_OF_STOCK": 3}
    made = [answer for answer in outcome.done if isinstance(answer, OrderMade)]
    assert await quantities(world.owner, made) == [7] * 17
    assert await promised_twice(world.owner) == []
    assert await key_statuses(world.owner, world.goods) == {"HELD": 119, "AVAILABLE": 1}
    assert await verify(database.database_url) == []


async def test_late_payments_new_buyers_and_the_sweep_share_the_keys_without_losing_money(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(60)
    orders = await ordered(shop, world, orders=10, quantity=6)
    reports = [
        await open_card_payment(shop, order, amount_minor=6 * PRICE_MINOR) for order in orders
    ]
    await world.shift_clock("16 minutes")
    calls = [
        *(settlement.hear(report) for report in reports),
        *(expiry.expire_order(shop.id, order.order_id) for order in orders[::2]),
        *(quick_buy(shop, world.goods, quantity=5) for _ in range(8)),
    ]

    outcome = await all_at_once(random.sample(calls, len(calls)))
    await expire_the_rest(shop, orders)

    assert outcome.errors == []
    heard = Counter(
        answer.effect for answer in outcome.done if isinstance(answer, settlement.Heard)
    )
    assert heard["LATE_SETTLED"] + heard["REFUNDING"] == 10
    assert await promised_twice(world.owner) == []
    sold = (await key_statuses(world.owner, world.goods)).get("SOLD", 0)
    assert sold == heard["LATE_SETTLED"] * 6
    assert await verify(database.database_url) == []


async def test_a_late_payer_who_lost_some_of_the_keys_gets_others_and_leaves_none_behind(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(6)
    (order,) = await ordered(shop, world, orders=1, quantity=6)
    report = await open_card_payment(shop, order, amount_minor=6 * PRICE_MINOR)
    await world.shift_clock("16 minutes")
    await quick_buy(shop, world.goods, quantity=2)
    await world.keys(5)

    heard = await settlement.hear(report)

    assert heard.effect == "LATE_SETTLED"
    assert await key_statuses(world.owner, world.goods) == {
        "SOLD": 6,
        "HELD": 2,
        "AVAILABLE": 3,
    }
    assert await verify(database.database_url) == []


async def test_one_key_too_few_sends_a_late_payers_money_back_and_frees_the_rest(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(6)
    (order,) = await ordered(shop, world, orders=1, quantity=6)
    report: ChannelReport = await open_card_payment(shop, order, amount_minor=6 * PRICE_MINOR)
    await world.shift_clock("16 minutes")
    await quick_buy(shop, world.goods, quantity=2)
    await world.keys(1)

    heard = await settlement.hear(report)
    await expire_the_rest(shop, [order])

    assert heard.effect == "REFUNDING"
    assert await key_statuses(world.owner, world.goods) == {"HELD": 2, "AVAILABLE": 5}
    assert await verify(database.database_url) == []
