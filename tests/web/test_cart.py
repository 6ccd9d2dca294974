"""The cart's page: putting in, changing, ordering, and taking the cart along when signing in."""

from collections.abc import Callable
from typing import Any

import pytest

from entrypoints.verify import verify
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


async def goods_with(world: World, slug: str, keys: int) -> Goods:
    """A product at 110.00 with so many keys."""
    goods = await world.more_goods(slug)
    await world.keys(keys, goods)
    return goods


async def put_in(visitor: Visitor, slug: str, quantity: int = 1) -> Page:
    """Add a product to the cart and look at it."""
    page = await visitor.get(f"/p/{slug}")
    fields = {**page.form("/buy").fields, "quantity": str(quantity)}
    return await visitor.get((await visitor.post("/cart/add", fields)).to)


async def orders_of(world: World, goods: Goods) -> list[str]:
    rows = await world.owner.fetch(
        """select o.payment_status from orders o join order_lines l on l.order_id = o.id
           where l.sku_id = $1""",
        goods.sku_id,
    )
    return [row["payment_status"] for row in rows]


async def test_a_guest_orders_two_products_at_once_and_pays_by_card(
    visitor: Visitor, world: World
) -> None:
    first = await goods_with(world, "cart-first", 3)
    second = await goods_with(world, "cart-second", 1)
    await put_in(visitor, "cart-first", 2)
    cart = await put_in(visitor, "cart-second")
    assert "¥330.00" in cart.text
    held = "select count(*) from keys where status = 'HELD' and sku_id = any ($1)"
    assert await world.owner.fetchval(held, [first.sku_id, second.sku_id]) == 0

    paying = await visitor.submit(cart, "/cart/order", method="CARD")
    again = await visitor.submit(cart, "/cart/order", method="CARD")
    assert again.to == paying.to
    order = await visitor.settle(paying.to)
    assert "Delivered" in order.text
    assert await orders_of(world, first) == await orders_of(world, second) == ["PAID"]
    assert "nothing in the cart" in (await visitor.get("/cart")).text


async def test_a_line_is_changed_and_removed(visitor: Visitor, world: World) -> None:
    await goods_with(world, "cart-changes", 3)
    cart = await put_in(visitor, "cart-changes")
    await visitor.submit(cart, "/cart/update", quantity="3")
    assert "¥330.00" in (await visitor.get("/cart")).text
    short = await visitor.submit(cart, "/cart/update", quantity="4")
    assert short.status == 422
    assert "Only 3 left." in short.text
    await visitor.post("/cart/remove", cart.form("/cart/update").fields)
    assert "nothing in the cart" in (await visitor.get("/cart")).text


async def test_what_has_changed_is_shown_and_the_shown_price_is_the_agreed_one(
    visitors: Visitors, world: World
) -> None:
    shop = await world.another_shop("cart-prices")
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 2000)
    goods = await goods_with(world, "cart-dearer", 2)
    visitor = visitors(shop=shop)
    cart = await put_in(visitor, "cart-dearer")
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 3000)

    refused = await visitor.submit(cart, "/cart/order", method="CARD")
    assert refused.status == 422
    assert "the price has changed, it was CN¥110.00" in refused.text
    assert await orders_of(world, goods) == []
    await visitor.submit(refused, "/cart/order", method="CARD")
    assert await orders_of(world, goods) == ["PENDING"]


async def test_a_sold_out_line_stands_in_the_way_and_says_so(
    visitor: Visitor, visitors: Visitors, world: World
) -> None:
    await goods_with(world, "cart-sold-out", 1)
    await put_in(visitor, "cart-sold-out")
    await visitors().buy("cart-sold-out", "CARD")
    cart = await visitor.get("/cart")
    assert "Sold out." in cart.text
    assert "quote" not in cart.form("/cart/order").fields


async def test_a_guests_cart_goes_along_when_the_guest_opens_an_account(
    visitor: Visitor, visitors: Visitors, world: World
) -> None:
    await goods_with(world, "cart-signed-up", 2)
    await put_in(visitor, "cart-signed-up")
    stranger = visitors()
    assert "nothing in the cart" in (await stranger.get("/cart")).text

    door = await visitor.get("/sign-up?next=/cart")
    answer = await visitor.submit(
        door, "/sign-up", account="cart@example.com", password="a long password"
    )
    assert answer.to == "/cart"
    cart = await visitor.get("/cart")
    assert "cart-signed-up" in cart.text
    assert "kameng-cart" not in visitor.browser.cookies
    await visitor.submit(cart, "/cart/order", method="CARD")
    assert "nothing in the cart" in (await visitor.get("/cart")).text


async def test_the_token_of_a_cart_that_has_ended_is_replaced(
    visitor: Visitor, world: World
) -> None:
    await goods_with(world, "cart-ended", 2)
    await visitor.get("/")
    visitor.browser.cookies.set("kameng-cart", "kmk_" + "A" * 27, domain="127.0.0.1", path="/")
    assert "nothing in the cart" in (await visitor.get("/cart")).text
    assert "¥110.00" in (await put_in(visitor, "cart-ended")).text
