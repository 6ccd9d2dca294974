"""Alipay, WeChat Pay, the wallet, a mix of wallet and card, and filling the wallet."""

import pytest

from stories.books import Books
from stories.buyers import intent_of, key, money
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

_SHARES_AFTER_A_CHANNEL = {
    "L:PARTY:PENDING supplier": -7_600,
    "R:SUPPLIER_COMMISSION": -400,
    "R:WHOLESALE_MARGIN": -500,
    "L:PARTY:PENDING T1": -500,
    "L:PARTY:PENDING T2": -1_437,
    "R:GATEWAY_RECOVERY": -63,
}
_SHARES_WITHOUT_A_CHANNEL = {
    "L:PARTY:PENDING supplier": -7_600,
    "R:SUPPLIER_COMMISSION": -400,
    "R:WHOLESALE_MARGIN": -500,
    "L:PARTY:PENDING T1": -500,
    "L:PARTY:PENDING T2": -1_500,
}


@pytest.mark.parametrize("method", ["ALIPAY", "WECHAT_PAY"])
async def test_a_buyer_approves_on_the_channels_page_and_has_the_key(
    market: Market, method: str
) -> None:
    stall = await market.stall()
    books = Books(market.world, stall)
    purchase = await (await market.customer(stall)).order(stall)
    started = await purchase.start_payment(method)
    assert started["status"] == "PENDING"
    page = await market.platform.http.get(started["actionUrl"])
    assert (page.status_code, "105.00" in page.text) == (200, True)
    paid = await market.platform.http.post(started["actionUrl"], data={"decision": "approve"})
    assert paid.status_code in (200, 303)
    await purchase.until("DELIVERED")
    assert await purchase.secrets() == list(stall.secrets)
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": 10_437,
        "E:GATEWAY_FEE": 63,
        **_SHARES_AFTER_A_CHANNEL,
    }
    await market.assert_sound()


async def test_the_wallet_pays_at_once_and_costs_no_channel_fee(market: Market) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall, wallet_minor=15_000)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall)
    started = await purchase.start_payment("WALLET")
    assert (started["status"], started["actionUrl"]) == ("SUCCEEDED", None)
    assert await purchase.status() == "DELIVERED"
    assert await purchase.secrets() == list(stall.secrets)
    assert await buyer.wallet_minor() == 4_500
    assert await books.of_order(purchase) == {
        "L:WALLET buyer": 10_500,
        **_SHARES_WITHOUT_A_CHANNEL,
    }
    await market.assert_sound()


async def test_a_quick_buy_out_of_the_wallet_returns_with_the_key_delivered(
    market: Market,
) -> None:
    stall = await market.stall(keys=2)
    buyer = await market.customer(stall, wallet_minor=21_000)
    books = Books(market.world, stall, buyer=buyer.person)
    made = await buyer.do("quickBuy", **buyer.quick_buy_input(stall, 2), payment="WALLET")
    assert made["order"]["status"] == "DELIVERED"
    assert len(made["order"]["lines"][0]["keys"]) == 2
    assert await buyer.wallet_minor() == 0
    assert await books.keys() == {"SOLD": 2}
    await market.assert_sound()


@pytest.mark.parametrize("way", ["quickBuy", "paymentStart"])
async def test_a_wallet_that_is_one_unit_short_buys_nothing(market: Market, way: str) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall, wallet_minor=10_499)
    books = Books(market.world, stall, buyer=buyer.person)
    if way == "quickBuy":
        problem = await buyer.refused(way, **buyer.quick_buy_input(stall), payment="WALLET")
        assert await books.keys() == {"AVAILABLE": 1}
    else:
        purchase = await buyer.order(stall)
        problem = await buyer.refused(way, **purchase.ref, method="WALLET", idempotencyKey=key())
        assert await purchase.status() == "PENDING_PAYMENT"
    assert problem["code"] == "INSUFFICIENT_BALANCE"
    assert await buyer.wallet_minor() == 10_499
    await market.assert_sound()


async def test_wallet_and_card_pay_together_and_only_the_cards_part_costs_a_fee(
    market: Market,
) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall, wallet_minor=6_000)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall)
    intent = await purchase.open_intent(wallet_minor=5_500)
    assert await buyer.wallet_minor() == 500
    assert await books.of_order(purchase) == {
        "L:WALLET buyer": 5_500,
        "L:WALLET_HELD buyer": -5_500,
    }
    await market.assert_sound()
    await market.platform.approve(intent)
    await purchase.until("DELIVERED")
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": 5_000 - 30,
        "E:GATEWAY_FEE": 30,
        "L:WALLET buyer": 5_500,
        **_SHARES_WITHOUT_A_CHANNEL,
        "L:PARTY:PENDING T2": -1_500 + 30,
        "R:GATEWAY_RECOVERY": -30,
    }
    await market.assert_sound()


async def test_the_wallets_part_is_free_again_when_the_order_is_canceled(market: Market) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall, wallet_minor=6_000)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall)
    await purchase.start_payment("CARD", wallet_minor=5_500)
    canceled = await buyer.do("orderCancel", **purchase.ref)
    assert canceled["order"]["status"] == "CANCELED"
    assert await buyer.wallet_minor() == 6_000
    assert await books.keys() == {"AVAILABLE": 1}
    assert await books.of_order(purchase) == {}
    await market.assert_sound()


async def test_a_top_up_by_card_fills_the_wallet_once_and_the_platform_bears_the_fee(
    market: Market,
) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall)
    books = Books(market.world, stall, buyer=buyer.person)
    again = key()
    first, second = [
        await buyer.do("walletTopUp", amount=money(20_000), method="CARD", idempotencyKey=again)
        for _ in range(2)
    ]
    assert first["paymentId"] == second["paymentId"]
    assert await buyer.wallet_minor() == 0
    async with market.channel_fault(duplicate_events=3):
        await market.platform.approve(intent_of(first))
        await market.until_wallet(buyer, 20_000)
    assert await books.of_shop() == {
        "A:GATEWAY:STRIPE": 20_000 - 120,
        "E:GATEWAY_FEE": 120,
        "L:WALLET buyer": -20_000,
    }
    purchase = await buyer.buy_from_wallet(stall)
    assert await purchase.secrets() == list(stall.secrets)
    assert await buyer.wallet_minor() == 9_500
    await market.assert_sound()


async def test_a_guest_has_no_wallet_and_a_part_larger_than_the_total_is_refused(
    market: Market,
) -> None:
    stall = await market.stall()
    guest = market.guest(stall)
    purchase = await guest.order(stall)
    for method, part in (("WALLET", None), ("CARD", money(100))):
        problem = await guest.refused(
            "paymentStart", **purchase.ref, method=method, walletAmount=part, idempotencyKey=key()
        )
        assert (problem["code"], problem["field"]) == ("VALIDATION", "walletAmount")
    buyer = await market.customer(stall, wallet_minor=50_000)
    await guest.do("orderCancel", **purchase.ref)
    mine = await buyer.order(stall)
    for wallet_minor in (10_500, 10_501, -1):
        problem = await buyer.refused(
            "paymentStart",
            **mine.ref,
            method="CARD",
            walletAmount=money(wallet_minor),
            idempotencyKey=key(),
        )
        assert (problem["code"], problem["field"]) == ("VALIDATION", "walletAmount")
    assert await buyer.wallet_minor() == 50_000
    await market.assert_sound()
