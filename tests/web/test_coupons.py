"""Coupons on the pages: what they take off is seen before anything is bought."""

from collections.abc import Callable
from typing import Any

import pytest

from entrypoints.verify import verify
from kernel.ids import new_id
from kernel.settings import Settings
from web_visitor import Page, Visitor
from world import Goods, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

Visitors = Callable[..., Visitor]


@pytest.fixture(autouse=True)
async def sound_books(config: Settings) -> Any:
    """Whatever a visitor did, the books are right afterwards."""
    yield
    assert await verify(config.database_url) == []


async def plant_coupon(world: World, code: str, amount_minor: int = 1000, **terms: Any) -> None:
    """A coupon of the shop, paid by the shop."""
    coupon_id, named = new_id(), {"guests": True, "listed": False, "min": 0, **terms}
    async with world.owner.transaction():
        await world.owner.execute(
            """insert into coupons (tenant_id, id, name, kind, amount_minor, currency, reach,
                                    min_subtotal_minor, guests, stacking, returned_by_refund,
                                    listed, starts_at, ends_at)
               values ($1, $2, $3, 'FIXED', $4, 'CNY', 'SHOP', $5, $6, 'WITH_OTHERS', false, $7,
                       now() - interval '1 day', now() + interval '1 day')""",
            world.shop.id,
            coupon_id,
            f"the {code}",
            amount_minor,
            named["min"],
            named["guests"],
            named["listed"],
        )
        await world.owner.execute(
            """insert into coupon_payers (tenant_id, coupon_id, place, kind, share_bp)
               values ($1, $2, 1, 'SHOP', 10000)""",
            world.shop.id,
            coupon_id,
        )
    await world.owner.execute(
        """insert into coupon_codes (tenant_id, id, coupon_id, code, is_single)
           values ($1, $2, $3, $4, false)""",
        world.shop.id,
        new_id(),
        coupon_id,
        code,
    )


async def goods_with(world: World, slug: str, keys: int) -> Goods:
    """A product at 110.00 with so many keys."""
    goods = await world.more_goods(slug)
    await world.keys(keys, goods)
    return goods


async def totals_of(world: World, goods: Goods) -> list[int]:
    """What each order of the goods costs."""
    rows = await world.owner.fetch(
        """select o.total_minor from orders o join order_lines l on l.order_id = o.id
           where l.sku_id = $1 order by o.id""",
        goods.sku_id,
    )
    return [row["total_minor"] for row in rows]


async def to_cart(visitor: Visitor, slug: str) -> Page:
    """Put one of the goods into the cart and look at it."""
    fields = (await visitor.get(f"/p/{slug}")).form("/buy").fields
    return await visitor.get((await visitor.post("/cart/add", fields)).to)


async def test_a_coupon_is_shown_with_its_total_before_it_buys(
    visitor: Visitor, world: World
) -> None:
    await plant_coupon(world, "WEB-TEN")
    await plant_coupon(world, "WEB-LARGE", **{"min": 99_900})
    goods = await goods_with(world, "coupon-page", 2)

    looked = await visitor.buy("coupon-page", "CARD", coupons="web-ten, WEB-LARGE NONE-SUCH")
    assert "Discount WEB-TEN −CN¥10.00 Total CN¥100.00" in looked.text
    assert "WEB-LARGE This coupon is for larger orders." in looked.text
    assert "NONE-SUCH There is no such coupon here." in looked.text
    assert await totals_of(world, goods) == []

    other = await visitor.submit(looked, "/buy", coupons="NONE-SUCH")
    assert "Total CN¥110.00" in other.text and "Discount" not in other.text
    assert await totals_of(world, goods) == [], "another total is shown first"
    paying = await visitor.submit(looked, "/buy")
    assert (await visitor.submit(looked, "/buy")).to == paying.to
    assert "Delivered" in (await visitor.settle(paying.to)).text
    assert await totals_of(world, goods) == [10_000]


async def test_a_total_that_has_changed_is_shown_again(visitor: Visitor, world: World) -> None:
    await plant_coupon(world, "WEB-GONE")
    goods = await goods_with(world, "coupon-gone", 1)
    looked = await visitor.buy("coupon-gone", "CARD", coupons="WEB-GONE")
    dearer = await visitor.submit(looked, "/buy", total="9999")
    assert dearer.status == 422 and "The price has changed." in dearer.text
    assert dearer.form("/buy").fields["total"] == "10000"
    await world.owner.execute("update coupons set status = 'PAUSED' where name = 'the WEB-GONE'")

    refused = await visitor.submit(looked, "/buy")
    assert refused.status == 422 and "Total CN¥110.00" in refused.text
    assert "This coupon is not honoured now." in refused.text
    assert await totals_of(world, goods) == []
    assert (await visitor.submit(refused, "/buy")).status == 303
    assert await totals_of(world, goods) == [11_000]


async def test_the_cart_keeps_its_coupons_until_they_are_used(
    visitor: Visitor, world: World
) -> None:
    await plant_coupon(world, "CART-FIVE", 500)
    goods = await goods_with(world, "coupon-cart", 3)
    cart = await to_cart(visitor, "coupon-cart")

    shown = await visitor.submit(cart, "/cart/order", method="CARD", coupons="CART-FIVE")
    assert "Discount CART-FIVE −CN¥5.00 Total CN¥105.00" in shown.text
    assert await totals_of(world, goods) == [], "another total is shown first"
    await visitor.submit(shown, "/cart/update", quantity="2")
    assert "Total CN¥215.00" in (await visitor.get("/cart")).text
    fields = (await visitor.get("/cart")).form("/cart/order").fields
    none = await visitor.post("/cart/coupons", {**fields, "coupons": ""})
    assert "Total CN¥220.00" in none.text
    many = await visitor.post("/cart/coupons", {**fields, "coupons": "A1 B2 C3 D4 E5 F6"})
    assert many.status == 422 and "An order takes at most 5 coupons." in many.text

    await visitor.post("/cart/coupons", {**fields, "coupons": "CART-FIVE"})
    await visitor.submit(await visitor.get("/cart"), "/cart/order", method="CARD")
    assert await totals_of(world, goods) == [21_500]
    assert "CART-FIVE" not in (await to_cart(visitor, "coupon-cart")).source


async def test_a_customer_is_offered_the_shops_coupons_and_a_guest_none(
    visitor: Visitor, visitors: Visitors, world: World
) -> None:
    await plant_coupon(world, "FOR-MEMBERS", guests=False, listed=True)
    await goods_with(world, "coupon-members", 2)
    guest = await visitor.buy("coupon-members", "CARD", coupons="FOR-MEMBERS")
    assert "Sign in to use this coupon." in guest.text
    assert "the FOR-MEMBERS" not in guest.source

    member = visitors()
    member.come_in(await world.customer(wallet_minor=50_000))
    assert "the FOR-MEMBERS" in (await to_cart(member, "coupon-members")).source
    looked = await member.buy("coupon-members", "WALLET", coupons="FOR-MEMBERS")
    order = await member.get((await member.submit(looked, "/buy")).to)
    assert "Delivered" in order.text and "¥100.00" in order.text


async def test_a_price_for_more_pieces_is_shown_before_it_is_paid(
    visitors: Visitors, world: World
) -> None:
    shop = await world.another_shop("web-breaks")
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 2000)
    goods = await goods_with(world, "many-pieces", 4)
    await world.asks(shop, 10_000, target_id=goods.sku_id, min_quantity=3)
    visitor = visitors(shop=shop)
    looked = await visitor.buy("many-pieces", "CARD", quantity="3")
    assert "The price has changed." in looked.text and "Total CN¥300.00" in looked.text
    assert (await visitor.submit(looked, "/buy")).status == 303
    assert await totals_of(world, goods) == [30_000]
