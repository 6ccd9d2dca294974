"""An order that is paid in parts, on its own page."""

import re

import pytest

from entrypoints.verify import verify
from kernel.settings import Settings
from web_visitor import Visitor
from world import World, plant_row

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]


async def test_a_customer_begins_a_plan_and_pays_its_parts_on_the_orders_page(
    visitor: Visitor, world: World, config: Settings
) -> None:
    await plant_row(
        world.owner, "instalment_terms", tenant_id=world.shop.id, is_offered=True, most_parts=4,
        first_bp=3_000, interval_days=30, grace_days=7, fee_bp=0, fee_by="SHOP",
        least_minor=1_000, most_open=3, release="BY_SHARE", set_by="operator",
    )  # fmt: skip
    goods = await world.more_goods("in-parts", supplier_id=world.goods.supplier_id)
    await world.keys(2, goods)
    visitor.come_in(await world.customer(wallet_minor=50_000))
    page = await visitor.get("/p/in-parts")
    await visitor.submit(page, "/buy", method="ALIPAY", quantity="2")
    no = await world.owner.fetchval("select no from orders order by created_at desc limit 1")
    address = f"/o/{no}"

    waiting = await visitor.get(address)
    assert "3 parts · first CN¥66.00, then CN¥77.00" in waiting.text
    changed = await visitor.submit(waiting, "/begin-plan", plan="3.1", method="WALLET")
    assert (changed.status, "comes to another amount" in changed.text) == (422, True)
    begun = await visitor.submit(waiting, "/begin-plan", plan="3.6600", method="WALLET")
    shown = await visitor.get(begun.to)
    assert re.search(r"Part 1 paid .*¥66.00 Part 2 due · ", shown.text)
    assert "Still to pay CN¥154.00" in shown.text

    paid = await visitor.submit(shown, "/pay-part", which="next", method="WALLET")
    half = await visitor.get(paid.to)
    assert "Still to pay CN¥77.00" in half.text and len(half.form("/reveal").choices["key"]) == 1
    whole = await visitor.submit(half, "/pay-part", which="next", method="WALLET")
    done = await visitor.get(whole.to)
    assert "Still to pay" not in done.text and len(done.form("/reveal").choices["key"]) == 2
    assert await verify(config.database_url) == []
