"""What a person delivers, on the pages: until when, what is to be corrected, and canceling."""

from typing import Any

import pytest

from catalog.forms.fields import FieldKind, FormField, stored_form
from entrypoints.verify import verify
from hand_rows import plant_by_hand
from kernel.ids import public_id
from kernel.settings import Settings
from processes import Platform
from web_visitor import Page, Visitor
from world import Goods, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

UID = FormField(
    name="uid", kind=FieldKind.ACCOUNT_ID, label_zh="账号", label_en="Account", pattern=r"\d{9}"
)


async def ask_desk(platform: Platform, world: World, mutation: str, **wish: Any) -> dict[str, Any]:
    """The supplier's desk, at the platform's own address."""
    name = mutation[0].upper() + mutation[1:]
    response = await platform.raw(
        world.root,
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ __typename }} }}",
        {"input": wish},
        by=await world.supplier_token(),
    )
    (made,) = response.json()["data"].values()
    answer: dict[str, Any] = made
    return answer


async def bought(visitor: Visitor, world: World, slug: str) -> tuple[Goods, str, str]:
    """A top-up that a customer has paid: the goods, the order's address, and the line."""
    goods = await world.more_goods(slug, supplier_id=world.goods.supplier_id)
    await plant_by_hand(world, goods, mode="DIRECT_TOPUP", minutes=120)
    await world.owner.execute(
        "update skus set form_fields = $2::text::jsonb where id = $1",
        goods.sku_id,
        stored_form([UID]),
    )
    visitor.come_in(await world.customer(wallet_minor=50_000))
    page = await visitor.get(f"/p/{slug}")
    assert "delivered by hand within 2 h" in page.text and "内" not in page.text
    asked = await visitor.submit(page, "/confirm", method="WALLET")
    ready = await visitor.submit(asked, "/confirm", **{"form.uid": "100200300"})
    assert "by hand, within 2 h" in ready.text
    order = (await visitor.submit(ready, "/buy")).to
    line = await world.owner.fetchval(
        "select line_id from manual_deliveries where sku_id = $1", goods.sku_id
    )
    return goods, order, public_id("lin", line)


async def shown(visitor: Visitor, address: str) -> Page:
    page = await visitor.get(address)
    assert page.status == 200
    return page


async def test_the_order_says_until_when_and_a_wrong_account_is_corrected_on_its_page(
    visitor: Visitor, world: World, platform: Platform, config: Settings
) -> None:
    _, order, line_id = await bought(visitor, world, "by-hand-topped-up")
    waiting = await shown(visitor, order)
    assert "Being delivered by hand, by" in waiting.text and "前完成" not in waiting.text
    assert (await ask_desk(platform, world, "manualBegin", lineId=line_id))["__typename"] == (
        "ManualBegun"
    )
    await ask_desk(
        platform, world, "manualCorrectionAsk",
        lineId=line_id, fields=["uid"], message="No such <account>.",
    )  # fmt: skip
    asks = await shown(visitor, order)
    assert "No such <account>." in asks.text and "<account>" not in asks.source
    correction = f"{order}/correct"
    wrong = await visitor.submit(asks, correction, **{"form.uid": "12"})
    assert (wrong.status, "This is not such an account number." in wrong.text) == (422, True)
    goes_on = await visitor.get(
        (await visitor.submit(asks, correction, **{"form.uid": "999888777"})).to
    )
    assert "Sent. The delivery goes on." in goes_on.text and "999888777" in goes_on.text
    done = await ask_desk(
        platform, world, "manualDeliver",
        lineId=line_id, contents=[], note="reference 4711", idempotencyKey=line_id,
    )  # fmt: skip
    assert done["__typename"] == "ManualChanged"
    delivered = await shown(visitor, order)
    assert "Delivered" in delivered.text and "reference 4711" in delivered.text
    assert await verify(config.database_url) == []


async def test_what_nobody_has_begun_is_canceled_on_its_page(
    visitor: Visitor, world: World, config: Settings
) -> None:
    _, order, _ = await bought(visitor, world, "by-hand-canceled")
    page = await shown(visitor, order)
    back = await visitor.get((await visitor.submit(page, f"{order}/cancel-line")).to)
    assert "It was not delivered, and your money comes back." in back.text
    assert "Refunded" in back.text
    assert await verify(config.database_url) == []
