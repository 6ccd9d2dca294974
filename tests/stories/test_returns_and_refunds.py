"""Giving back: unopened keys by the buyer, money by the shop or an operator (E7)."""

import pytest

from stories.books import Books
from stories.buyers import Buyer, Purchase, Stall, details, key, money
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
    """Who may give the shop's own money back."""
    staff = await market.world.staff("FINANCE", shop=stall.shop)
    return Buyer(market.platform, stall.shop, staff)


async def _operator(market: Market, stall: Stall) -> Buyer:
    """Who may decide about faults, in the shop."""
    return Buyer(market.platform, stall.shop, await market.world.operator())


async def _refund(staff: Buyer, purchase: Purchase, amount_minor: int, reason: str) -> str:
    line = await purchase.line()
    done = await staff.do(
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
    operator = await _operator(market, stall)
    assert await _refund(operator, purchase, 10_500, "SUPPLIER_FAULT") == "REFUNDING"
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
    operator = await _operator(market, stall)
    assert await _refund(operator, purchase, 2_100, "SHOP_FAULT") == "REFUNDING"
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
    await _refund(operator, purchase, 8_400, "SUPPLIER_FAULT")
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
    operator = await _operator(market, stall)
    await _refund(operator, purchase, 10_500, "SHOP_FAULT")
    await purchase.until("REFUNDED")
    assert (await books.of_order(purchase))["A:RECV T2"] == 63
    owed = "query { tenant { balances { pending { amountMinor } owed { amountMinor } } } }"
    finance = await _finance(market, stall)
    balances = (await finance.ask(owed, {}))["tenant"]["balances"]
    assert (balances["pending"]["amountMinor"], balances["owed"]["amountMinor"]) == (0, 63)
    await market.assert_sound()


async def test_odd_units_are_refunded_exactly_in_many_small_parts(market: Market) -> None:
    stall, books, purchase = await _sold_with_star(market)
    operator = await _operator(market, stall)
    for amount_minor in (1, 33, 997, 3, 4_999, 101, 7):
        await _refund(operator, purchase, amount_minor, "SHOP_FAULT")
    left_minor = 10_500 - (await purchase.view())["refunded"]["amountMinor"]
    assert left_minor == 4_359
    await market.assert_sound()
    await _refund(operator, purchase, left_minor, "SHOP_FAULT")
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
    operator = await _operator(market, stall)
    await _refund(operator, purchase, 6_000, "SHOP_FAULT")
    assert await buyer.wallet_minor() == 1_000
    await purchase.until("PARTIALLY_REFUNDED")
    assert (await books.of_order(purchase))["A:GATEWAY:STRIPE"] == -30
    await _refund(operator, purchase, 4_500, "SHOP_FAULT")
    assert await purchase.status() == "REFUNDED"
    assert await buyer.wallet_minor() == 5_500
    await market.assert_sound()


async def test_goodwill_is_paid_by_the_shop_alone_as_far_as_its_earnings_reach(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    assert await purchase.secrets() == list(stall.secrets)
    finance = await _finance(market, stall)
    await _refund(finance, purchase, 500, "GOODWILL")
    await purchase.until("PARTIALLY_REFUNDED")
    after = {
        "A:GATEWAY:STRIPE": 10_437 - 500,
        "E:GATEWAY_FEE": 63,
        "L:PARTY:PENDING supplier": -7_600,
        "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500,
        "L:PARTY:PENDING T1": -500,
        "L:PARTY:PENDING affiliate": -315,
        "L:PARTY:PENDING T2": -1_122 + 500,
        "R:GATEWAY_RECOVERY": -63,
    }
    assert await books.of_order(purchase) == after
    line = await purchase.line()
    refused = await finance.refused(
        "refundCreate",
        orderNo=purchase.no,
        lineId=line["id"],
        amount=money(623),
        reason="GOODWILL",
        idempotencyKey=key(),
    )
    assert (refused["code"], details(refused)["available"]) == ("INSUFFICIENT_BALANCE", "622")
    assert await books.of_order(purchase) == after
    await market.assert_sound()


async def test_a_refund_that_is_too_large_or_not_theirs_to_decide_is_refused(
    market: Market,
) -> None:
    stall, books, purchase = await _sold_with_star(market)
    finance, operator = await _finance(market, stall), await _operator(market, stall)
    line = await purchase.line()
    sold = await books.of_order(purchase)

    async def refused(staff: Buyer, amount_minor: int, reason: str) -> str:
        problem = await staff.refused(
            "refundCreate",
            orderNo=purchase.no,
            lineId=line["id"],
            amount=money(amount_minor),
            reason=reason,
            idempotencyKey=key(),
        )
        code: str = problem["code"]
        return code

    for amount_minor in (10_501, 0, -1):
        assert await refused(operator, amount_minor, "SHOP_FAULT") == "VALIDATION"
    for reason in ("SUPPLIER_FAULT", "SHOP_FAULT"):
        assert await refused(finance, 100, reason) == "FORBIDDEN"
    next_door = await _finance(market, await market.stall())
    assert await refused(next_door, 100, "GOODWILL") == "NOT_FOUND"
    support = await market.world.staff("SUPPORT", shop=stall.shop)
    wish = {"orderNo": purchase.no, "lineId": line["id"], "reason": "GOODWILL"}
    for person in (support, purchase.buyer.person):
        assert await market.refused_by_role(stall, person, "refundCreate", wish) == "FORBIDDEN"
    await purchase.reveal()
    assert await refused(finance, 100, "CHANGE_OF_MIND") == "ALREADY_REVEALED"
    assert await books.of_order(purchase) == sold
    assert await purchase.status() == "DELIVERED"
    await market.assert_sound()


async def test_whoever_has_all_the_money_back_opens_nothing_more(market: Market) -> None:
    stall, books, purchase = await _sold_with_star(market)
    await _refund(await _operator(market, stall), purchase, 10_500, "SUPPLIER_FAULT")
    refused = await purchase.buyer.refused("keyReveal", **purchase.ref)
    assert refused["code"] == "NOT_FOUND"
    await purchase.until("REFUNDED")
    assert await books.keys() == {"SOLD": 1}
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
