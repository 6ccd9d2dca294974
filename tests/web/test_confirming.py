"""Goods that ask for something: filling in, confirming, and what need not be typed again."""

from typing import Any

import pytest

from catalog.forms.fields import Choice, FieldKind, FormField, stored_form
from entrypoints.verify import verify
from kernel.settings import Settings
from web_visitor import Page, Visitor
from world import Goods, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

FORM = [
    FormField(
        name="uid",
        kind=FieldKind.ACCOUNT_ID,
        label_zh="账号",
        label_en="Account number",
        help_en="Nine digits.",
        pattern=r"\d{9}",
    ),
    FormField(
        name="secret", kind=FieldKind.TEXT, label_zh="密码", label_en="Password", sensitive=True
    ),
    FormField(
        name="server",
        kind=FieldKind.SELECT,
        label_zh="服务器",
        label_en="Server",
        required=False,
        choices=(Choice("cn", "国服", "China"), Choice("os", "国际服", "Overseas")),
    ),
]
SAID = {"form.uid": "100200300", "form.secret": "hunter2", "form.server": "cn"}


@pytest.fixture(autouse=True)
async def sound_books(config: Settings) -> Any:
    """Whatever a visitor did, the books are right afterwards."""
    yield
    assert await verify(config.database_url) == []


async def goods_that_ask(world: World, slug: str) -> Goods:
    """A product at 110.00 that asks for an account."""
    goods = await world.more_goods(slug)
    await world.keys(1, goods)
    await world.owner.execute(
        "update skus set form_fields = $2::text::jsonb where id = $1",
        goods.sku_id,
        stored_form(FORM),
    )
    return goods


async def fill_in(visitor: Visitor, slug: str, **said: str) -> Page:
    """Choose the product, and fill in what it asks for."""
    page = await visitor.get(f"/p/{slug}")
    asked = await visitor.submit(page, "/confirm", method="CARD")
    assert "Nine digits." in asked.text
    assert "Total CN¥110.00" in asked.text
    return await visitor.submit(asked, "/confirm", **said)


async def orders_of(world: World, goods: Goods) -> int:
    count: int = await world.owner.fetchval(
        "select count(*) from order_lines where sku_id = $1", goods.sku_id
    )
    return count


async def test_what_is_wrong_stands_at_its_field_and_what_is_right_is_confirmed_first(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_that_ask(world, "asks-account")
    wrong = await fill_in(visitor, "asks-account", **{**SAID, "form.uid": "12"})
    assert "This is not such an account number." in wrong.text
    assert wrong.form("/confirm").fields["form.uid"] == "12"
    ready = await visitor.submit(wrong, "/confirm", **SAID)
    assert "Please confirm" in ready.text
    assert "100200300" in ready.text and "hunter2" not in ready.text
    assert await orders_of(world, goods) == 0

    order = await visitor.settle((await visitor.submit(ready, "/buy")).to)
    assert "Account number: 100200300" in order.text
    assert "hunter2" not in order.source
    assert await orders_of(world, goods) == 1


async def test_a_confirmed_form_can_be_changed_again(visitor: Visitor, world: World) -> None:
    await goods_that_ask(world, "asks-change")
    ready = await fill_in(visitor, "asks-change", **SAID)
    fields = {**ready.form("/buy").fields, "change": "yes"}
    again = await visitor.post("/confirm", fields)
    assert again.form("/confirm").fields["form.uid"] == "100200300"


async def test_whoever_skips_the_confirmation_is_asked_all_the_same(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_that_ask(world, "asks-skipped")
    page = await visitor.get("/p/asks-skipped")
    fields = {**page.form("/confirm").fields, "method": "CARD", "idempotency_key": "k" * 30}
    refused = await visitor.post("/buy", fields)
    assert refused.status == 422
    assert "This field must be filled in." in refused.text
    assert await orders_of(world, goods) == 0


async def test_what_was_said_goes_through_the_cart_into_the_order(
    visitor: Visitor, world: World
) -> None:
    await goods_that_ask(world, "asks-in-cart")
    ready = await fill_in(visitor, "asks-in-cart", **SAID)
    added = await visitor.post("/cart/add", ready.form("/buy").fields)
    cart = await visitor.get(added.to)
    paying = await visitor.submit(cart, "/cart/order", method="CARD")
    assert (await visitor.submit(cart, "/cart/order", method="CARD")).to == paying.to
    assert "Account number: 100200300" in (await visitor.settle(paying.to)).text


async def test_a_contact_is_kept_filled_in_and_forgotten(visitor: Visitor, world: World) -> None:
    goods = await world.more_goods("contact-kept")
    await world.keys(2, goods)
    visitor.come_in(await world.customer(wallet_minor=50_000))
    await visitor.buy("contact-kept", "WALLET", contact="Kept@Example.com")
    page = await visitor.get("/p/contact-kept")
    assert page.form("/buy").fields["contact"] == "kept@example.com"
    account = await visitor.get("/account")
    assert "kept@example.com" in account.text
    await visitor.submit(account, "/account/forget")
    assert "kept@example.com" not in (await visitor.get("/account")).source
