"""The same thing said many times at once, by a buyer or by a channel, happens once."""

from collections import Counter
from dataclasses import replace

import pytest

from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from orders import settlement
from races.crowd import all_at_once
from races.purchases import PRICE_MINOR, key_statuses, open_card_payment, quick_buy
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

TIMES = 200


async def test_a_buy_repeated_two_hundred_times_makes_one_order(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(5)
    key = new_id().hex

    outcome = await all_at_once(
        quick_buy(shop, world.goods, idempotency_key=key) for _ in range(TIMES)
    )

    assert (outcome.errors, outcome.refused) == ([], {})
    assert len(outcome.done) == TIMES
    assert len(set(outcome.done)) == 1
    assert await world.owner.fetchval("select count(*) from orders") == 1
    assert await key_statuses(world.owner, world.goods) == {"HELD": 1, "AVAILABLE": 4}
    assert await verify(database.database_url) == []


async def test_one_key_for_two_different_buys_makes_one_order_and_one_refusal_each(
    shop: Shop, world: World
) -> None:
    await world.keys(10)
    key = new_id().hex

    outcome = await all_at_once(
        quick_buy(shop, world.goods, quantity=1 + number % 2, idempotency_key=key)
        for number in range(TIMES)
    )

    assert outcome.errors == []
    assert outcome.refused == {"IDEMPOTENCY_CONFLICT": TIMES // 2}
    assert len(set(outcome.done)) == 1
    assert await world.owner.fetchval("select count(*) from orders") == 1


async def test_an_event_delivered_two_hundred_times_at_once_has_one_effect(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(5)
    order = await quick_buy(shop, world.goods, quantity=2)
    report = await open_card_payment(shop, order, amount_minor=2 * PRICE_MINOR)

    outcome = await all_at_once(settlement.hear(report) for _ in range(TIMES))

    assert (outcome.errors, outcome.refused) == ([], {})
    assert Counter(heard.effect for heard in outcome.done) == {
        "SETTLED": 1,
        "NOTHING": TIMES - 1,
    }
    assert await key_statuses(world.owner, world.goods) == {"SOLD": 2, "AVAILABLE": 3}
    assert await world.owner.fetchval("select count(*) from delivered_keys") == 2
    assert await world.owner.fetchval("select count(*) from payment_events") == 1
    assert await verify(database.database_url) == []


async def test_webhook_poller_and_the_buyers_return_tell_of_one_payment_and_it_counts_once(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(5)
    order = await quick_buy(shop, world.goods)
    report = await open_card_payment(shop, order, amount_minor=PRICE_MINOR)
    seen = replace(report, event_id=f"look:{report.provider_ref}:succeeded", kind="look")

    outcome = await all_at_once(
        settlement.hear(report if number % 2 else seen) for number in range(TIMES)
    )

    assert (outcome.errors, outcome.refused) == ([], {})
    assert Counter(heard.effect for heard in outcome.done)["SETTLED"] == 1
    assert await key_statuses(world.owner, world.goods) == {"SOLD": 1, "AVAILABLE": 4}
    assert await verify(database.database_url) == []


async def test_of_two_payments_of_one_order_one_delivers_and_the_other_is_owed_back(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(5)
    order = await quick_buy(shop, world.goods)
    first = await open_card_payment(shop, order, amount_minor=PRICE_MINOR)
    await world.owner.execute("update payments set status = 'SUPERSEDED', ended_at = now()")
    second = await open_card_payment(shop, order, amount_minor=PRICE_MINOR)

    outcome = await all_at_once(
        settlement.hear(report) for _ in range(20) for report in (first, second)
    )

    assert (outcome.errors, outcome.refused) == ([], {})
    effects = Counter(heard.effect for heard in outcome.done)
    assert (effects["SETTLED"], effects["REFUNDING"]) == (1, 1)
    owed = await world.owner.fetch("select reason, amount_minor from refunds")
    assert [tuple(row) for row in owed] == [("DOUBLE_PAYMENT", PRICE_MINOR)]
    assert await verify(database.database_url) == []
