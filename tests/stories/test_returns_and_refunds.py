"""Giving back: unopened keys by the buyer, money by the shop's decision (E7)."""

import pytest

from stories.books import Books
from stories.buyers import Buyer, Purchase, Stall, key, money
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]


async def _sold_with_star(market: Market, *, keys: int = 1) -> tuple[Stall, Books, Purchase]:
    """The worked example, paid by card with the affiliate's code, delivered and not opened."""
    stall = await market.stall(keys=keys)
    star = await market.world.affiliate("star", shop=stall.shop)
    buyer = await market.customer(stall)
    purchase = await buyer.order(stall, keys, affiliate_code="star")
    await purchase.delivered()
    return stall, Books(market.world, stall, buyer=buyer.person, star=star), purchase


async def _finance(market: Market, stall: Stall) -> Buyer:
    staff = await market.world.staff("FINANCE", shop=stall.shop)
    return Buyer(market.platform, stall.shop, staff)


async def _refund(finance: Buyer, purchase: Purchase, amount_minor: int, reason: str) -> str:
    line = await purchase.line()
    done = await finance.do(
        "refundCreate",
        orderNo=purchase.no,
        lineId=line["id"],
        amount=money(amount_minor),
        reason=reason,
        idempotencyKey=key(),
    )
    status: str = done["order"]["status"]
    return status


async def test_an_unopened_key_comes_back_with_its_money_and_is_sold_to_the_next_buyer(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    line = await purchase.line()
    back = {**purchase.ref, "lineId": line["id"], "idempotencyKey": key()}
    first, second = [await purchase.buyer.do("unrevealedReturn", **back) for _ in range(2)]
    assert first["order"]["lines"][0]["returnedQuantity"] == 1
    assert second["order"]["refunded"]["amountMinor"] == 10_500
    await purchase.until("REFUNDED")
    assert await books.keys() == {"AVAILABLE": 1}
    # A change of mind: the shop bears the channel's 0.63, which its empty share cannot cover.
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "A:RECV T2": 63,
    }
    await market.assert_sound()

    next_buyer = await market.customer(stall, wallet_minor=10_500)
    sold = await next_buyer.buy_from_wallet(stall)
    assert await sold.secrets() == list(stall.secrets)
    refused = await purchase.buyer.refused("keyReveal", **purchase.ref)
    assert refused["code"] == "NOT_FOUND"
    assert (await purchase.line())["keys"][0]["returnedAt"] is not None
    await market.assert_sound()


async def test_an_opened_key_does_not_come_back(market: Market) -> None:
    stall, books, purchase = await _sold_with_star(market)
    await purchase.reveal()
    line = await purchase.line()
    refused = await purchase.buyer.refused(
        "unrevealedReturn", **purchase.ref, lineId=line["id"], idempotencyKey=key()
    )
    assert refused["code"] == "ALREADY_REVEALED"
    assert await purchase.status() == "DELIVERED"
    assert await books.keys() == {"REVEALED": 1}
    assert await purchase.secrets() == list(stall.secrets)
    await market.assert_sound()


async def test_of_three_keys_the_unopened_two_come_back_one_after_the_other(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market, keys=3)
    line = await purchase.line()
    opened = await purchase.buyer.do(
        "keyReveal", **purchase.ref, deliveredKeyIds=[line["keys"][1]["id"]]
    )
    back = {**purchase.ref, "lineId": line["id"]}
    three = await purchase.buyer.refused(
        "unrevealedReturn", **back, quantity=3, idempotencyKey=key()
    )
    assert (three["code"], three["details"]) == (
        "ALREADY_REVEALED",
        [{"name": "unrevealed", "value": "2"}],
    )
    for returned in (1, 2):
        await purchase.buyer.do("unrevealedReturn", **back, quantity=1, idempotencyKey=key())
        assert (await purchase.line())["returnedQuantity"] == returned
        assert (await purchase.view())["refunded"]["amountMinor"] == 10_500 * returned
    await purchase.until("PARTIALLY_REFUNDED")
    assert await books.keys() == {"AVAILABLE": 2, "REVEALED": 1}
    assert opened["keys"][0]["secret"] in stall.secrets
    await market.assert_sound()


async def test_a_full_refund_at_the_suppliers_fault_is_the_worked_example_to_the_unit(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    await books.put_down_deposit(stall.goods.supplier_id, 10_000)
    finance = await _finance(market, stall)
    assert await _refund(finance, purchase, 10_500, "SUPPLIER_FAULT") == "REFUNDING"
    await purchase.until("REFUNDED")
    # Every share is cleared; the supplier's deposit pays the 0.63 that the channel keeps.
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "L:DEPOSIT:FREE supplier": 63,
    }
    assert await books.refunds(purchase) == [("SUPPLIER_FAULT", "DONE", 10_500)]
    await market.assert_sound()


async def test_partial_refunds_are_spread_over_what_is_left_and_the_last_one_clears_all(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    finance = await _finance(market, stall)
    assert await _refund(finance, purchase, 2_100, "SHOP_FAULT") == "REFUNDING"
    await purchase.until("PARTIALLY_REFUNDED")
    # A fifth of every share: 15.20, 0.80, 1.00, 1.00, 0.63, and of the shop's 11.85 just 2.37.
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": 10_437 - 2_100,
        "E:GATEWAY_FEE": 63,
        "L:PARTY:PENDING supplier": -7_600 + 1_520,
        "R:SUPPLIER_COMMISSION": -400 + 80,
        "R:WHOLESALE_MARGIN": -500 + 100,
        "L:PARTY:PENDING T1": -500 + 100,
        "L:PARTY:PENDING affiliate": -315 + 63,
        "L:PARTY:PENDING T2": -1_122 + 237,
        "R:GATEWAY_RECOVERY": -63,
    }
    await market.assert_sound()
    await _refund(finance, purchase, 8_400, "SUPPLIER_FAULT")
    await purchase.until("REFUNDED")
    # The supplier bears the rest's part of the lost fee, 0.51 of 0.63. Nothing of his is left,
    # so he owes it; so does the shop its 0.12.
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "A:RECV supplier": 51,
        "A:RECV T2": 12,
    }
    assert (await purchase.view())["refunded"]["amountMinor"] == 10_500
    await market.assert_sound()


async def test_a_full_refund_at_the_shops_fault_leaves_the_shop_owing_the_lost_fee(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    finance = await _finance(market, stall)
    await _refund(finance, purchase, 10_500, "SHOP_FAULT")
    await purchase.until("REFUNDED")
    assert (await books.of_order(purchase))["A:RECV T2"] == 63
    owed = "query { tenant { balances { pending { amountMinor } owed { amountMinor } } } }"
    balances = (await finance.ask(owed, {}))["tenant"]["balances"]
    assert (balances["pending"]["amountMinor"], balances["owed"]["amountMinor"]) == (0, 63)
    await market.assert_sound()


async def test_odd_units_are_refunded_exactly_in_many_small_parts(market: Market) -> None:
    stall, books, purchase = await _sold_with_star(market)
    finance = await _finance(market, stall)
    for amount_minor in (1, 33, 997, 3, 4_999, 101, 7):
        await _refund(finance, purchase, amount_minor, "CHANGE_OF_MIND")
    left_minor = 10_500 - (await purchase.view())["refunded"]["amountMinor"]
    assert left_minor == 4_359
    await market.assert_sound()
    await _refund(finance, purchase, left_minor, "CHANGE_OF_MIND")
    await purchase.until("REFUNDED")
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "A:RECV T2": 63,
    }
    await market.assert_sound()


async def test_a_mixed_payment_goes_back_to_the_channel_first_and_then_to_the_wallet(
    market: Market,
) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall, wallet_minor=5_500)
    books = Books(market.world, stall, buyer=buyer.person)
    purchase = await buyer.order(stall)
    await purchase.delivered(wallet_minor=5_500)
    finance = await _finance(market, stall)
    await _refund(finance, purchase, 6_000, "SHOP_FAULT")
    assert await buyer.wallet_minor() == 1_000
    await purchase.until("PARTIALLY_REFUNDED")
    assert (await books.of_order(purchase))["A:GATEWAY:STRIPE"] == -30
    await _refund(finance, purchase, 4_500, "SHOP_FAULT")
    assert await purchase.status() == "REFUNDED"
    assert await buyer.wallet_minor() == 5_500
    await market.assert_sound()


async def test_a_refund_that_is_too_large_or_not_the_shops_to_give_is_refused(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    finance = await _finance(market, stall)
    line = await purchase.line()
    wish = {"orderNo": purchase.no, "lineId": line["id"], "reason": "SHOP_FAULT"}
    sold = await books.of_order(purchase)
    for amount_minor in (10_501, 0, -1):
        refused = await finance.refused(
            "refundCreate", **wish, amount=money(amount_minor), idempotencyKey=key()
        )
        assert refused["code"] == "VALIDATION"
    next_door = await _finance(market, await market.stall())
    refused = await next_door.refused(
        "refundCreate", **wish, amount=money(100), idempotencyKey=key()
    )
    assert refused["code"] == "NOT_FOUND"
    support = await market.world.staff("SUPPORT", shop=stall.shop)
    for person in (support, purchase.buyer.person):
        answer = await market.refused_by_role(stall, person, "refundCreate", wish)
        assert answer == "FORBIDDEN"
    assert await books.of_order(purchase) == sold
    assert await purchase.status() == "DELIVERED"
    await market.assert_sound()


async def test_an_unpaid_order_has_nothing_to_give_back(market: Market) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall)
    purchase = await buyer.order(stall)
    line = await purchase.line()
    refused = await buyer.refused(
        "unrevealedReturn", **purchase.ref, lineId=line["id"], idempotencyKey=key()
    )
    assert (refused["code"], refused["field"]) == ("VALIDATION", "orderNo")
    assert await Books(market.world, stall).keys() == {"HELD": 1}
    await market.assert_sound()
