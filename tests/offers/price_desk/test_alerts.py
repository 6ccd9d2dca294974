"""A price that is hidden is told to whose level broke, to nobody else, and without an amount."""

import asyncio

import pytest

from offers.price_desk import alerts
from sales import SalesDesk
from world import ShopAt


@pytest.fixture(autouse=True)
async def _every_shop_has_a_price_that_holds(desk: SalesDesk) -> None:
    await desk.world.rule(desk.world.root, "RETAIL", "FIXED_OVER_COST", 4_000)


async def _sweep() -> int:
    """Follow until there is nothing left to follow."""
    looked = 0
    while done := await alerts.follow_prices():
        looked += done
    return looked


async def _open_at(desk: SalesDesk, at: ShopAt) -> list[tuple[str, str, str | None]]:
    page = await alerts.alerts_page(await desk.shop(at))
    return [(one.sku_code, one.guard, one.child_slug) for one in page.alerts]


async def test_a_retail_price_that_breaks_is_told_to_its_shop_alone(desk: SalesDesk) -> None:
    world = desk.world
    await _sweep()
    await desk.owner.execute(
        "insert into price_limits (tenant_id, sku_id, ceiling_minor) values ($1, $2, 9500)",
        world.agent.id,
        world.goods.sku_id,
    )
    await _sweep()
    assert await _open_at(desk, world.shop) == [(world.goods.slug, "G2", None)]
    assert await _open_at(desk, world.agent) == [(world.goods.slug, "G2", None)]
    assert await _open_at(desk, world.root) == []


async def test_a_wholesale_price_that_breaks_is_told_to_who_charges_it(desk: SalesDesk) -> None:
    """It hides the goods in every shop below; the one who can mend it hears of it, once."""
    world = desk.world
    await world.another_shop("deep", below=world.shop)
    await desk.owner.execute(
        "update tenants set min_margin_minor = 600 where id = $1", world.agent.id
    )
    await _sweep()
    assert await _open_at(desk, world.agent) == [(world.goods.slug, "G1", "shop")]
    assert await _open_at(desk, world.shop) == []
    assert await desk.owner.fetchval("select count(*) from price_alerts") == 1


async def test_an_alert_closes_by_itself_when_the_price_is_whole(desk: SalesDesk) -> None:
    world = desk.world
    set_limit = "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, $3)"
    await desk.owner.execute(set_limit, world.shop.id, world.goods.sku_id, 99_999)
    await _sweep()
    assert len(await _open_at(desk, world.shop)) == 1
    await desk.owner.execute("delete from price_limits")
    await _sweep()
    assert await _open_at(desk, world.shop) == []
    told = await alerts.alerts_page(await desk.shop(), closed=True)
    assert [one.closed_at is not None for one in told.alerts] == [True]


async def test_what_is_not_for_sale_any_more_needs_no_alert(desk: SalesDesk) -> None:
    world = desk.world
    set_limit = "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, $3)"
    await desk.owner.execute(set_limit, world.shop.id, world.goods.sku_id, 99_999)
    await _sweep()
    await desk.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        world.shop.id,
        world.goods.sku_id,
    )
    await _sweep()
    assert await _open_at(desk, world.shop) == []


async def test_only_shops_whose_path_has_changed_are_looked_at_again(desk: SalesDesk) -> None:
    world = desk.world
    sibling = await world.another_shop("sibling")
    assert await _sweep() == 4
    assert await _sweep() == 0
    await world.rule(sibling, "RETAIL", "FIXED_OVER_COST", 3_000)
    assert await _sweep() == 1
    await world.rule(world.agent, "WHOLESALE", "FIXED_OVER_COST", 600)
    assert await _sweep() == 3


async def test_a_large_shop_is_looked_at_in_portions_and_gone_on_with(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = desk.world
    for number in range(4):
        await world.more_goods(f"goods-{number}", supply_minor=100)
    monkeypatch.setattr(alerts, "SKUS_AT_ONCE", 2)
    await desk.owner.execute("update tenants set max_markup_bp = 2000 where id = $1", world.shop.id)
    looked = await _sweep()
    assert looked == 3 * 3
    found = await _open_at(desk, world.shop)
    assert sorted(code for code, _, _ in found) == [world.goods.slug, *(
        f"goods-{number}" for number in range(4)
    )]  # fmt: skip


async def test_two_workers_at_once_open_one_alert(desk: SalesDesk) -> None:
    world = desk.world
    set_limit = "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, $3)"
    await desk.owner.execute(set_limit, world.shop.id, world.goods.sku_id, 99_999)
    await asyncio.gather(*(alerts.follow_prices() for _ in range(8)))
    await _sweep()
    assert await desk.owner.fetchval("select count(*) from price_alerts") == 1


async def test_alerts_of_a_month_ago_are_forgotten(desk: SalesDesk) -> None:
    world = desk.world
    set_limit = "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, $3)"
    await desk.owner.execute(set_limit, world.shop.id, world.goods.sku_id, 99_999)
    await _sweep()
    await desk.owner.execute("delete from price_limits")
    await _sweep()
    assert await alerts.forget_closed_alerts() == 0
    await world.shift_clock("31 days")
    assert await alerts.forget_closed_alerts() == 1
