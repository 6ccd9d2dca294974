"""A buyer of a third-level shop pays by card and has the key; every party has its share."""

from urllib.parse import parse_qs, urlsplit

import pytest

from stories.books import Books
from stories.buyers import key
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]


async def test_a_card_payment_delivers_and_splits_as_in_the_worked_example(market: Market) -> None:
    stall = await market.stall(keys=3)
    star = await market.world.affiliate("star", shop=stall.shop)
    buyer = market.guest(stall)
    books = Books(market.world, stall, star=star)

    quote = await buyer.quote(stall)
    assert quote["total"]["amountMinor"] == 10_500
    purchase = await buyer.order(stall, affiliate_code="star")
    waiting = await purchase.view()
    assert (waiting["status"], waiting["lines"][0]["keys"]) == ("PENDING_PAYMENT", [])
    assert await books.keys() == {"AVAILABLE": 2, "HELD": 1}
    assert await books.of_order(purchase) == {}

    started = await purchase.start_payment("CARD")
    page = await market.platform.http.get(started["actionUrl"])
    assert (page.status_code, "105.00" in page.text) == (200, True)
    form = {name: values[0] for name, values in parse_qs(urlsplit(str(page.url)).query).items()}
    paid = await market.platform.http.post(
        started["actionUrl"], data={**form, "decision": "approve"}
    )
    back = urlsplit(paid.headers["location"])
    assert (paid.status_code, back.hostname, back.path) == (
        303,
        stall.shop.host,
        f"/orders/{purchase.no}",
    )

    order = await purchase.until("DELIVERED")
    assert order["lines"][0]["keys"][0]["commitment"] == waiting["lines"][0]["commitments"][0]
    assert await books.keys() == {"AVAILABLE": 2, "SOLD": 1}
    assert await purchase.secrets() == [stall.secrets[0]]
    assert await books.keys() == {"AVAILABLE": 2, "REVEALED": 1}
    assert await books.effects(purchase) == ["SETTLED"]
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": 10_437,
        "E:GATEWAY_FEE": 63,
        "L:PARTY:PENDING supplier": -7_600,
        "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500,
        "L:PARTY:PENDING T1": -500,
        "L:PARTY:PENDING T2": -1_122,
        "L:PARTY:PENDING affiliate": -315,
        "R:GATEWAY_RECOVERY": -63,
    }
    await market.assert_sound()


async def test_without_an_affiliate_the_shop_keeps_that_share_and_three_keys_count_three_times(
    market: Market,
) -> None:
    stall = await market.stall(keys=3)
    books = Books(market.world, stall)
    purchase = await (await market.customer(stall)).order(stall, 3)
    await purchase.delivered()
    assert sorted(await purchase.secrets()) == sorted(stall.secrets)
    assert await books.of_order(purchase) == {
        "A:GATEWAY:STRIPE": 31_500 - 189,
        "E:GATEWAY_FEE": 189,
        "L:PARTY:PENDING supplier": -22_800,
        "R:SUPPLIER_COMMISSION": -1_200,
        "R:WHOLESALE_MARGIN": -1_500,
        "L:PARTY:PENDING T1": -1_500,
        "L:PARTY:PENDING T2": -4_500 + 189,
        "R:GATEWAY_RECOVERY": -189,
    }
    await market.assert_sound()


async def test_a_refused_card_leaves_the_order_open_and_another_try_pays_it(
    market: Market,
) -> None:
    stall = await market.stall()
    books = Books(market.world, stall)
    purchase = await (await market.customer(stall)).order(stall)
    intent = await purchase.open_intent()
    await market.platform.refuse(intent)
    assert await purchase.status() == "PENDING_PAYMENT"
    assert await books.keys() == {"HELD": 1}
    assert await books.of_order(purchase) == {}
    await market.platform.approve(intent)
    await purchase.until("DELIVERED")
    assert await books.keys() == {"SOLD": 1}
    await market.assert_sound()


async def test_a_guest_needs_the_token_and_a_wrong_one_looks_like_no_order_at_all(
    market: Market,
) -> None:
    stall = await market.stall()
    purchase = await market.guest(stall).order(stall)
    assert purchase.guest_token is not None and purchase.guest_token.startswith("kmg_")
    await purchase.delivered()
    true_token = purchase.guest_token
    stranger = await market.customer(stall)
    for purchase.guest_token in (None, "", "kmg_wrong", true_token[:-1], true_token.upper()):
        for somebody in (market.guest(stall), stranger):
            purchase.buyer = somebody
            assert await purchase.view() is None
            for mutation, more in {
                "keyReveal": {},
                "keysExport": {"format": "TXT"},
                "orderCancel": {},
                "paymentRefresh": {},
                "paymentStart": {"method": "CARD", "idempotencyKey": key()},
            }.items():
                problem = await somebody.refused(mutation, **purchase.ref, **more)
                nothing = await somebody.refused(
                    mutation, orderNo="K20200101-AAAAAAAAAA", guestToken=true_token, **more
                )
                assert (problem["code"], problem["message"]) == ("NOT_FOUND", nothing["message"])
    purchase.guest_token = true_token
    assert await purchase.secrets() == list(stall.secrets)
    await market.assert_sound()


async def test_a_customers_order_is_nobody_elses_not_even_in_the_shop_next_door(
    market: Market,
) -> None:
    stall, next_door = await market.stall(), await market.stall()
    purchase = await (await market.customer(stall)).order(stall)
    await purchase.delivered()
    mine = purchase.buyer
    for other in (
        await market.customer(stall),
        await market.customer(next_door),
        market.guest(stall),
        market.guest(next_door),
    ):
        purchase.buyer = other
        assert await purchase.view() is None
        assert (await other.refused("keyReveal", **purchase.ref))["code"] == "NOT_FOUND"
    elsewhere = await market.platform.raw(next_door.shop, "{ me { id } }", by=mine.person)
    assert elsewhere.status_code == 401
    purchase.buyer = mine
    assert await purchase.secrets() == list(stall.secrets)
    await market.assert_sound()
