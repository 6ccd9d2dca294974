"""Pages of products: every product once, whatever the order, and only what the shop shows."""

from typing import Any

import pytest

from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from offers import catalogue
from offers.catalogue import ProductPage
from offers.product_orders import Sort
from offers.shelf import ProductRow
from sales import SalesDesk
from world import ShopAt

pytestmark = pytest.mark.engines


async def page(desk: SalesDesk, at: ShopAt | None = None, **asked: Any) -> ProductPage:
    shop = await desk.shop(at)
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await catalogue.products(shop, **asked)


async def all_pages(desk: SalesDesk, *, first: int, **asked: Any) -> list[ProductRow]:
    """Page after page, until there are no more."""
    rows: list[ProductRow] = []
    found = await page(desk, first=first, **asked)
    while True:
        rows += found.rows
        assert (found.end_cursor is None) == (not found.rows)
        if not found.has_next:
            return rows
        assert len(found.rows) == first
        found = await page(desk, first=first, after=found.end_cursor, **asked)


async def plant_twenty(desk: SalesDesk) -> None:
    """Products of three positions and four names: most of them share both with others."""
    for number in range(19):
        goods = await desk.world.more_goods(f"goods-{number:02}")
        await desk.owner.execute(
            "update products set position = $2, name_zh = $3 where id = $1",
            goods.product_id,
            number % 3,
            ("原神", "王者", "Apple", "apple")[number % 4],
        )


async def test_paging_visits_every_product_once_in_every_order(desk: SalesDesk) -> None:
    await plant_twenty(desk)
    sorts: tuple[Sort, ...] = ("POSITION", "NAME", "NEWEST")
    for sort in sorts:
        (whole,) = [(await page(desk, first=100, sort=sort)).rows]
        assert len(whole) == 20
        for first in (1, 3, 20):
            rows = await all_pages(desk, first=first, sort=sort)
            assert [row.id for row in rows] == [row.id for row in whole]
    positions = [row.row["position"] for row in (await page(desk, first=100)).rows]
    assert positions == sorted(positions)


async def test_products_that_come_and_go_between_pages_shift_nothing(desk: SalesDesk) -> None:
    await plant_twenty(desk)
    first = await page(desk, first=10)
    await desk.owner.execute(
        "update products set status = 'ARCHIVED' where id = any ($1)",
        [row.id for row in first.rows[:4]],
    )
    second = await page(desk, first=100, after=first.end_cursor)
    assert len(second.rows) == 10
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}


async def test_a_cursor_is_good_in_its_own_list_only(desk: SalesDesk) -> None:
    await plant_twenty(desk)
    cursor = (await page(desk, first=2)).end_cursor
    neighbour = await desk.world.another_shop("neighbour")
    with pytest.raises(Invalid):
        await page(desk, neighbour, after=cursor)
    others: list[dict[str, Any]] = [{"sort": "NAME"}, {"category_slug": "games"}]
    for other in others:
        with pytest.raises(Invalid):
            await page(desk, after=cursor, **other)
    for impossible in (0, 101, -1):
        with pytest.raises(Invalid):
            await page(desk, first=impossible)
    with pytest.raises(Invalid):
        await page(desk, ids=[new_id()] * 101)


async def test_a_category_holds_what_is_in_it_and_below_it(desk: SalesDesk) -> None:
    below_id = new_id()
    await desk.owner.execute(
        """insert into categories (id, parent_id, path, slug, name_zh, name_en)
           values ($1, $2, array[$2, $1]::uuid[], 'moon', '月卡', 'Moon')""",
        below_id,
        desk.world.category_id,
    )
    inside = await desk.world.more_goods("inside")
    await desk.owner.execute(
        "update products set category_id = $2 where id = $1", inside.product_id, below_id
    )
    assert [row.slug for row in (await page(desk, category_slug="moon")).rows] == ["inside"]
    assert len((await page(desk, category_slug="games")).rows) == 2
    assert list((await page(desk, category_slug="nowhere")).rows) == []


async def test_what_the_shop_does_not_list_is_on_no_page_and_has_no_page_of_its_own(
    desk: SalesDesk,
) -> None:
    world = desk.world
    hidden = await world.more_goods("hidden")
    below = await world.another_shop("below", below=world.shop)
    await desk.owner.execute(
        "insert into tenant_listings values ($1, $2, false)", world.shop.id, hidden.sku_id
    )

    async def slugs(at: ShopAt) -> list[str]:
        return [row.slug for row in (await page(desk, at)).rows]

    async def found(at: ShopAt, **which: Any) -> bool:
        shop = await desk.shop(at)
        async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
            return await catalogue.product(shop, **which) is not None

    assert await slugs(world.agent) == ["genshin-moon", "hidden"]
    assert await found(world.agent, slug="hidden")
    for shop in (world.shop, below):
        assert await slugs(shop) == ["genshin-moon"]
        assert not await found(shop, slug="hidden")
        assert not await found(shop, product_id=hidden.product_id)
        assert await found(shop, product_id=world.goods.product_id)
    by_id = await page(desk, ids=[hidden.product_id, world.goods.product_id])
    assert [row.slug for row in by_id.rows] == ["genshin-moon"]
