"""What an order promises until it is paid: exactly its keys, exactly its price, for its time."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from stories.books import Books
from stories.buyers import details, key
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]


async def test_twenty_keys_are_held_for_twenty_buyers_and_the_next_one_is_told_that_none_is_left(
    market: Market,
) -> None:
    stall = await market.stall(keys=20)
    books = Books(market.world, stall)
    late_comer = market.guest(stall)
    old_quote = await late_comer.quote(stall)
    purchases = await asyncio.gather(*(market.guest(stall).order(stall) for _ in range(20)))
    assert await books.keys() == {"HELD": 20}
    promised = [(await purchase.line())["commitments"] for purchase in purchases]
    assert len({commitment for (commitment,) in promised}) == 20

    for refused in (
        await late_comer.quote(stall),
        await late_comer.refused(
            "orderCreate", quoteId=old_quote["id"], idempotencyKey=key(), contact="a@example.com"
        ),
        await late_comer.refused("quickBuy", **late_comer.quick_buy_input(stall)),
    ):
        assert (refused["code"], details(refused)["available"]) == ("OUT_OF_STOCK", "0")

    await purchases[7].buyer.do("orderCancel", **purchases[7].ref)
    again = await late_comer.order(stall)
    assert (await again.line())["commitments"] == promised[7]
    await market.assert_sound()


async def test_one_order_of_twenty_takes_all_and_one_of_twenty_one_takes_none(
    market: Market,
) -> None:
    stall = await market.stall(keys=20)
    books = Books(market.world, stall)
    refused = await market.guest(stall).quote(stall, 21)
    assert (refused["code"], details(refused)["available"]) == ("OUT_OF_STOCK", "20")
    assert await books.keys() == {"AVAILABLE": 20}
    purchase = await market.guest(stall).order(stall, 20)
    assert await books.keys() == {"HELD": 20}
    await purchase.delivered()
    assert sorted(await purchase.secrets()) == sorted(stall.secrets)
    await market.assert_sound()


async def test_thirty_buyers_at_once_get_exactly_the_twelve_keys_that_there_are(
    market: Market,
) -> None:
    stall = await market.stall(keys=12)
    books = Books(market.world, stall)

    async def one_buys() -> dict[str, Any]:
        buyer = await market.customer(stall, wallet_minor=10_500)
        return await buyer.try_to("quickBuy", **buyer.quick_buy_input(stall), payment="WALLET")

    buyers = [await market.customer(stall, wallet_minor=10_500) for _ in range(30)]
    answers = await asyncio.gather(
        *(
            buyer.try_to("quickBuy", **buyer.quick_buy_input(stall), payment="WALLET")
            for buyer in buyers
        )
    )
    outcomes = Counter(answer.get("code", "DELIVERED") for answer in answers)
    assert outcomes == {"DELIVERED": 12, "OUT_OF_STOCK": 18}
    assert await books.keys() == {"SOLD": 12}
    assert (await one_buys())["code"] == "OUT_OF_STOCK"
    await market.assert_sound()


async def test_a_hold_that_has_run_out_is_free_on_read_with_no_worker_there(
    market: Market,
) -> None:
    stall = await market.stall()
    books = Books(market.world, stall)
    purchase = await (await market.customer(stall)).order(stall)
    next_buyer = await market.customer(stall, wallet_minor=10_500)
    async with market.worker_stopped():
        await market.forward(minutes=14)
        assert await purchase.status() == "PENDING_PAYMENT"
        assert (await next_buyer.quote(stall))["code"] == "OUT_OF_STOCK"
        await market.forward(minutes=1, seconds=1)
        assert await purchase.status() == "EXPIRED"
        assert await books.stored_status(purchase) == "PENDING"
        refused = await purchase.buyer.refused(
            "paymentStart", **purchase.ref, method="CARD", idempotencyKey=key()
        )
        assert refused["code"] == "HOLD_EXPIRED"
        sold = await next_buyer.buy_from_wallet(stall)
        assert await sold.secrets() == list(stall.secrets)
    await market.forward()
    assert await books.stored_status(purchase) == "EXPIRED"
    assert await books.keys() == {"REVEALED": 1}
    await market.assert_sound()


async def test_the_worker_frees_the_keys_of_an_order_that_nobody_paid(market: Market) -> None:
    stall = await market.stall(keys=3)
    buyer = await market.customer(stall, wallet_minor=5_500)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall, 2)
    await purchase.start_payment("CARD", wallet_minor=5_500)
    assert await books.keys() == {"AVAILABLE": 1, "HELD": 2}
    await market.forward(minutes=15, seconds=1)
    assert await books.stored_status(purchase) == "EXPIRED"
    assert await books.keys() == {"AVAILABLE": 3}
    assert await buyer.wallet_minor() == 5_500
    assert await books.of_order(purchase) == {}
    await market.assert_sound()


async def test_a_price_that_rises_after_the_quote_is_told_and_not_taken(market: Market) -> None:
    stall = await market.stall()
    books = Books(market.world, stall)
    buyer = await market.customer(stall, wallet_minor=20_000)
    quote = await buyer.quote(stall)
    await market.world.rule(stall.shop, "RETAIL", "FIXED_OVER_COST", 2_000)
    refused = await buyer.refused(
        "orderCreate", quoteId=quote["id"], idempotencyKey=key(), contact="a@example.com"
    )
    assert (refused["code"], details(refused)["totalMinor"]) == ("PRICE_CHANGED", "11000")
    refused = await buyer.refused("quickBuy", **buyer.quick_buy_input(stall), payment="WALLET")
    assert (refused["code"], refused["field"]) == ("PRICE_CHANGED", "expectedTotal")
    assert await books.keys() == {"AVAILABLE": 1}
    assert await buyer.wallet_minor() == 20_000
    accepted = await buyer.quote(stall)
    assert accepted["total"]["amountMinor"] == 11_000
    await market.assert_sound()


async def test_a_quote_ends_after_ten_minutes_and_is_no_other_shops(market: Market) -> None:
    stall, next_door = await market.stall(), await market.stall()
    books = Books(market.world, stall)
    buyer = market.guest(stall)
    quote = await buyer.quote(stall)
    words = {"contact": "a@example.com"}
    foreign = await market.guest(next_door).refused(
        "orderCreate", quoteId=quote["id"], idempotencyKey=key(), **words
    )
    forged = await buyer.refused(
        "orderCreate", quoteId=quote["id"][:-2] + "xx", idempotencyKey=key(), **words
    )
    await market.forward(minutes=10, seconds=2)
    expired = await buyer.refused("orderCreate", quoteId=quote["id"], idempotencyKey=key(), **words)
    assert [problem["code"] for problem in (foreign, forged, expired)] == ["QUOTE_EXPIRED"] * 3
    assert await books.keys() == {"AVAILABLE": 1}
    await market.assert_sound()


async def test_a_repeated_request_gets_its_first_answer_however_often_it_comes(
    market: Market,
) -> None:
    stall = await market.stall(keys=5)
    books = Books(market.world, stall)
    guest = market.guest(stall)
    quote, once = await guest.quote(stall), key()
    wish = {"quoteId": quote["id"], "idempotencyKey": once, "contact": "a@example.com"}
    answers = await asyncio.gather(*(guest.do("orderCreate", **wish) for _ in range(8)))
    assert len({(answer["order"]["no"], answer["guestToken"]) for answer in answers}) == 1
    assert await books.keys() == {"AVAILABLE": 4, "HELD": 1}
    other = await guest.refused("orderCreate", **{**wish, "contact": "b@example.com"})
    assert (other["code"], other["field"]) == ("IDEMPOTENCY_CONFLICT", "idempotencyKey")
    assert await books.keys() == {"AVAILABLE": 4, "HELD": 1}
    await market.assert_sound()


async def test_a_repeated_quick_buy_takes_the_money_once(market: Market) -> None:
    stall = await market.stall(keys=5)
    buyer = await market.customer(stall, wallet_minor=50_000)
    books = Books(market.world, stall, buyer=buyer.person)
    wish = {**buyer.quick_buy_input(stall), "payment": "WALLET"}
    answers = await asyncio.gather(*(buyer.do("quickBuy", **wish) for _ in range(8)))
    assert len({answer["order"]["no"] for answer in answers}) == 1
    assert await buyer.wallet_minor() == 39_500
    assert await books.keys() == {"AVAILABLE": 4, "SOLD": 1}
    other = await buyer.refused("quickBuy", **{**wish, "quantity": 2})
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    somebody_else = await market.customer(stall, wallet_minor=10_500)
    await somebody_else.do("quickBuy", **wish)
    assert await books.keys() == {"AVAILABLE": 3, "SOLD": 2}
    await market.assert_sound()


async def test_a_repeated_payment_start_asks_the_channel_for_the_same_money(
    market: Market,
) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall)
    start = {**purchase.ref, "method": "CARD", "idempotencyKey": key()}
    first, second = [await buyer.do("paymentStart", **start) for _ in range(2)]
    assert first == second
    conflict = await buyer.refused("paymentStart", **{**start, "method": "ALIPAY"})
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"
    await market.approve(first)
    await purchase.until("DELIVERED")
    assert await books.keys() == {"SOLD": 1}
    await market.assert_sound()


async def test_a_shop_that_is_closed_above_takes_no_orders(market: Market) -> None:
    stall = await market.stall()
    books = Books(market.world, stall)
    quote = await market.guest(stall).quote(stall)
    set_status = "update tenants set status = $2 where id = $1"
    await market.world.owner.execute(set_status, market.world.agent.id, "SUSPENDED")
    try:
        refused = await market.guest(stall).refused(
            "orderCreate", quoteId=quote["id"], idempotencyKey=key(), contact="a@example.com"
        )
    finally:
        await market.world.owner.execute(set_status, market.world.agent.id, "ACTIVE")
    assert refused["code"] == "TENANT_RESTRICTED"
    assert await books.keys() == {"AVAILABLE": 1}
    await market.assert_sound()
