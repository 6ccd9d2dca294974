"""Sales in currencies without decimals and with three, at the channel, on the pages, in the books.

A sale costs 8000 + 500 + 500 minor units and the shop's margin of 1503: 10503 yen, and 10.503
dinar, which the channel cannot charge: buyers are asked for 10.510.
"""

import pytest

from stories.buyers import Buyer, key
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

SHOWN = "query ($id: ID!) { product(id: $id) { slug skus { price { amount { formatted } } } } }"


@pytest.mark.parametrize(
    ("currency", "total_minor", "shown", "charged"),
    [("JPY", 10_503, "JP¥10,503", "10,503 JPY"), ("KWD", 10_510, "KWD10.510", "10.510 KWD")],
)
async def test_a_sale_is_paid_delivered_and_partly_given_back(
    market: Market, currency: str, total_minor: int, shown: str, charged: str
) -> None:
    stall = await market.stall_in(currency)
    buyer = market.guest(stall)
    page = await market.platform.http.get(
        f"{market.platform.api_url}/p/{stall.goods.slug}", headers={"host": stall.shop.host}
    )
    assert (page.status_code, shown.replace(" ", "\xa0") in page.text) == (200, True)

    quote = await buyer.quote(stall)
    assert quote["total"]["amountMinor"] == total_minor
    purchase = await buyer.order(stall)
    started = await purchase.start_payment("CARD")
    at_channel = await market.platform.http.get(started["actionUrl"])
    assert charged in at_channel.text
    await market.approve(started)
    await purchase.until("DELIVERED")

    operator = Buyer(market.platform, stall.shop, await market.world.operator())
    refund = {
        "orderNo": purchase.no,
        "lineId": (await purchase.line())["id"],
        "reason": "SHOP_FAULT",
    }
    odd = {"amountMinor": 1_005, "currency": currency}
    if currency == "KWD":
        problem = await operator.refused("refundCreate", **refund, amount=odd, idempotencyKey=key())
        assert problem["field"] == "amount"
        odd["amountMinor"] = 1_010
    await operator.do("refundCreate", **refund, amount=odd, idempotencyKey=key())
    await purchase.until("PARTIALLY_REFUNDED")
    await market.assert_sound()
