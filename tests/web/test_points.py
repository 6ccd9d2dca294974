"""Points on the pages: used at the confirmation and in the cart, seen in the account."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from entrypoints.verify import verify
from kernel import db
from kernel.settings import Settings, settings
from points_desk import begin_program, plant_points
from tenants.directory import current_shop
from web_visitor import Visitor
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]
Visitors = Callable[..., Visitor]


@pytest.fixture(autouse=True)
async def sound_books(config: Settings) -> Any:
    """Whatever a visitor did, the books are right afterwards."""
    yield
    assert await verify(config.database_url) == []


@asynccontextmanager
async def of_this_process() -> AsyncIterator[None]:
    """The product's pools in the test's own process, for its use cases."""
    await db.connect(settings())
    yield
    await db.disconnect()


async def test_points_are_used_at_the_confirmation_and_in_the_cart_and_stand_in_the_account(
    visitors: Visitors, world: World
) -> None:
    at = await world.another_shop("points-shop")
    await world.rule(at, "RETAIL", "FIXED_OVER_COST", 2_000)
    goods = await world.more_goods("with-points")
    await world.keys(5, goods)
    buyer = await world.customer(at, wallet_minor=100_000)
    async with of_this_process():
        async with db.transaction(db.core_scope(at.id), read_only=True):
            shop = await current_shop(at.id)
        shop = await begin_program(shop, point_minor=2)
        await plant_points(world.owner, shop, buyer, 1_000)
    guest, visitor = visitors(shop=at), visitors(shop=at)
    visitor.come_in(buyer)
    assert (await guest.get("/p/with-points")).form("/buy")

    asked = await visitor.submit(await visitor.get("/p/with-points"), "/confirm", method="WALLET")
    assert "You have 1000; at most here: 1000" in asked.text
    assert "Points that you earn: 55" in asked.text and "Total CN¥110.00" in asked.text
    # The total that a number of points makes is seen before it is agreed to.
    used = await visitor.submit(asked, "/buy", points="400")
    assert "Paid with points −CN¥8.00" in used.text and "Total CN¥102.00" in used.text
    refused = await visitor.submit(asked, "/buy", points="1001")
    assert "At most 1000 points can be used here." in refused.text
    assert "Total CN¥110.00" in refused.text
    order = await visitor.get((await visitor.submit(used, "/buy")).to)
    assert "CN¥102.00" in order.text

    await visitor.post("/cart/add", used.form("/buy").fields)
    cart = await visitor.submit(await visitor.get("/cart"), "/cart/order", points="9999")
    assert "At most 651 points can be used here." in cart.text
    cart = await visitor.submit(cart, "/cart/order", points="500")
    assert "Paid with points −CN¥10.00" in cart.text and "Order · CN¥100.00" in cart.text
    ordered = await visitor.get((await visitor.submit(cart, "/cart/order", method="WALLET")).to)
    assert "CN¥100.00" in ordered.text

    account = await visitor.get("/account")
    assert "My points 201" in account.text and "Worth CN¥4.02" in account.text
    for line in ("Earned", "Used for an order", "From the shop · sorry", "-500", "+1000"):
        assert line in account.text
    assert "points" not in (await visitors().get("/account")).text.lower()
