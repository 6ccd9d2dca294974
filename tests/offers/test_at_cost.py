"""What a shop pays itself does not depend on what it asks its buyers."""

import pytest

from kernel.errors import NotFound
from offers.at_cost import CostWish, price_at_cost
from offers.quotes import Wish
from sales import SalesDesk
from trade_desk import COST_MINOR, buy, credit

#: A retail price that its guard hides, by what brings it about.
HIDDEN_BY = {
    "G3, a price below cost": "update price_rules set kind = 'ABSOLUTE', value = 1, "
    "scope = 'SKU', target_id = $2 where tenant_id = $1",
    "G2, a floor of its own": "insert into price_limits (tenant_id, sku_id, floor_minor) "
    "values ($1, $2, 50000)",
    "G4, a markup cap": "update tenants set max_markup_bp = 1 where id = $1 and $2 <> id",
    "G5, a dear affiliate": "insert into affiliate_programs (tenant_id, id, name, rate_bp) "
    "values ($1, $2, 'dear', 2000)",
}


@pytest.mark.parametrize("hide", HIDDEN_BY.values(), ids=HIDDEN_BY)
async def test_goods_that_a_shop_prices_wrongly_are_bought_at_cost_all_the_same(
    desk: SalesDesk, hide: str
) -> None:
    goods = desk.world.goods
    await desk.world.keys(1)
    shop = await desk.shop()
    await credit(shop, COST_MINOR)
    await desk.owner.execute(hide, shop.id, goods.sku_id)
    with pytest.raises(NotFound):
        await desk.quote(shop, [Wish(goods.sku_id, 1)])
    bought = await buy(shop, goods)
    assert bought.order.total_minor == COST_MINOR
    await desk.assert_sound()


async def test_goods_that_a_shop_above_prices_wrongly_cannot_be_bought_at_any_price(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(1)
    await world.rule(world.agent, "WHOLESALE", "ABSOLUTE", 1, scope="SKU",
                     target_id=world.goods.sku_id)  # fmt: skip
    wish = CostWish(world.goods.sku_id, 1)
    with pytest.raises(NotFound):
        await price_at_cost(await desk.shop(), [wish], most_total_minor=99_999, partial=False)
