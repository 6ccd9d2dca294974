"""What a shop calls its goods stands in the order, whatever it calls them afterwards."""

from typing import Any

import pytest

from offers.quotes import Wish
from orders import checkout, export
from orders.checkout import Buyer
from orders.queries import order_view_by_id
from orders.reveal import Witness, reveal_keys
from sales import SalesDesk, key
from trade_desk import buy, credit

pytestmark = pytest.mark.engines

TITLE, LATER = "本店月卡（秒发）", "another name"


async def call_it(desk: SalesDesk, title: str) -> None:
    """Let the world's shop call its goods so."""
    await desk.owner.execute(
        """insert into tenant_listings as own (tenant_id, sku_id, title_override)
           values ($1, $2, $3) on conflict (tenant_id, sku_id) do update
               set title_override = excluded.title_override""",
        desk.world.shop.id,
        desk.world.goods.sku_id,
        title,
    )


async def names(desk: SalesDesk, order_id: Any) -> set[str]:
    (line,) = (await order_view_by_id(shop=await desk.shop(), order_id=order_id)).lines
    return {line.name_zh, line.name_en}


async def test_an_order_keeps_the_shops_own_title_in_its_lines_and_exports(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    shop = await desk.shop()
    untitled = await desk.order()
    plain = await names(desk, untitled.id)
    await call_it(desk, TITLE)
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)])
    made = await checkout.create_order(
        shop=shop, buyer=Buyer(), quote_id=quote.id, contact=None, affiliate_code=None,
        idempotency_key=key(),
    )  # fmt: skip
    assert made.view == await order_view_by_id(shop=shop, order_id=made.order_id)
    rich = await desk.world.customer(wallet_minor=50_000)
    bought = await (await desk.order(by=rich)).paid("WALLET", wallet_minor=11_000)
    await credit(shop, 50_000)
    at_cost = await buy(shop, desk.world.goods)

    await call_it(desk, LATER)
    for order_id in (made.order_id, bought.id, at_cost.order.id):
        assert await names(desk, order_id) == {TITLE}
    assert await names(desk, untitled.id) == plain
    _, keys = await reveal_keys(
        shop=shop, viewer=bought.viewer, order_no=bought.no, delivered_key_ids=None,
        witness=Witness("test", None, ""),
    )  # fmt: skip
    assert TITLE in export.as_csv(keys)
    stored = await desk.owner.fetch("select title from order_lines order by id")
    assert sorted(str(row["title"]) for row in stored) == ["None", TITLE, TITLE, TITLE]
    await desk.assert_sound()
