"""A shop's own order, names and novelty: each page goes on where the last one ended."""

from collections.abc import Iterator

import pytest

from asked import statements
from offers import catalogue
from offers.assortment import assortments
from offers.catalogue import Reading
from offers.price_desk.listings import ListingDraft, upsert_listings
from offers.product_orders import Sort
from offers.statements import Detail
from sales import SalesDesk
from tenants import directory
from world import Goods, ShopAt


class Ears:
    """The process hears what is announced, so it keeps what it has read."""

    listening_seconds = 100.0


@pytest.fixture(autouse=True)
def ears() -> Iterator[None]:
    assortments.rest_on(Ears())
    yield
    assortments.forget()


@pytest.fixture
async def goods(desk: SalesDesk) -> list[Goods]:
    """Five products beside the world's, made in this order; the platform shows the last first."""
    made = [await desk.world.more_goods(name) for name in ("c", "a", "e", "b", "d")]
    for number, one in enumerate(made):
        await desk.owner.execute(
            "update products set position = $2 where id = $1", one.product_id, 10 - number
        )
    await desk.owner.execute("update products set position = 99 where slug = 'genshin-moon'")
    return made


async def _place(desk: SalesDesk, placed: dict[Goods, int], *, at: ShopAt | None = None) -> None:
    drafts = [ListingDraft(sku_id=one.sku_id, position=place) for one, place in placed.items()]
    await upsert_listings(await desk.shop(at), drafts)
    directory.forget()


async def _listed(
    desk: SalesDesk, *, sort: Sort = "POSITION", first: int = 100, at: ShopAt | None = None
) -> list[str]:
    """All slugs in their order, page by page; every way of reading finds the same."""
    found = []
    for detail, reading in (
        (Detail.PRODUCTS, Reading.PUBLIC), (Detail.SKUS, Reading.SOURCED),
        (Detail.SKUS, Reading.PUBLIC),
    ):  # fmt: skip
        slugs: list[str] = []
        after: str | None = None
        while True:
            page = await catalogue.products(
                await desk.shop(at), category_slug="games", sort=sort, first=first, after=after,
                detail=detail, reading=reading,
            )  # fmt: skip
            slugs += [row.slug for row in page.rows]
            after = page.end_cursor
            if not page.has_next:
                break
        found.append(slugs)
    assert found[0] == found[1] == found[2]
    return found[0]


async def test_goods_that_a_shop_has_placed_stand_first_and_all_others_as_the_platform_has_them(
    desk: SalesDesk, goods: list[Goods]
) -> None:
    c, a, e, b, d = goods
    plain = ["d", "b", "e", "a", "c", "genshin-moon"]
    assert await _listed(desk, first=2) == plain
    await _place(desk, {a: 7, c: 7, e: 2})
    for first in (1, 2, 3, 4, 100):
        assert await _listed(desk, first=first) == ["e", "c", "a", "d", "b", "genshin-moon"]
    # Its own affair: neither its parent nor a shop beside it has that order.
    assert await _listed(desk, at=desk.world.agent) == plain
    await desk.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        desk.world.agent.id,
        e.sku_id,
    )
    assert await _listed(desk, first=2) == ["c", "a", "d", "b", "genshin-moon"]
    await _place(desk, {a: 0, c: 0, b: 1, d: 0})
    assert await _listed(desk) == ["b", "d", "a", "c", "genshin-moon"]
    await _place(desk, {b: 0})
    await desk.owner.execute("delete from tenant_listings where sku_id = $1", e.sku_id)
    assert await _listed(desk) == plain
    assert not (await desk.shop()).own_order


async def test_a_list_goes_on_where_it_was_when_the_shop_begins_to_order(
    desk: SalesDesk, goods: list[Goods]
) -> None:
    c, *_ = goods
    page = await catalogue.products(await desk.shop(), first=3)
    assert [row.slug for row in page.rows] == ["d", "b", "e"]
    await _place(desk, {c: 1})
    rest = await catalogue.products(await desk.shop(), first=3, after=page.end_cursor)
    assert [row.slug for row in rest.rows] == ["a", "genshin-moon"]


async def test_products_are_listed_by_name_and_the_newest_first(
    desk: SalesDesk, goods: list[Goods]
) -> None:
    await _place(desk, {goods[0]: 1})
    for first in (1, 2, 100):
        by_name = await _listed(desk, sort="NAME", first=first)
        assert by_name == ["a", "b", "c", "d", "e", "genshin-moon"]
        newest = await _listed(desk, sort="NEWEST", first=first)
        assert newest == ["d", "b", "e", "a", "c", "genshin-moon"]


async def test_a_page_in_the_shops_own_order_is_one_statement(
    desk: SalesDesk, goods: list[Goods]
) -> None:
    await _place(desk, {goods[2]: 1})
    shop = await desk.shop()
    await catalogue.products(shop, first=3, reading=Reading.PUBLIC)
    with statements() as asked:
        page = await catalogue.products(shop, first=3, reading=Reading.PUBLIC)
        assert [row.slug for row in page.rows] == ["e", "d", "b"]
    assert len(asked) == 1
