"""Offers side by side on a product's page: what is known of each, and in the chosen order."""

import re

import pytest

from random_markets import another_offer
from web_visitor import Visitor
from world import Goods, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]


async def two_offers(world: World, slug: str) -> tuple[Goods, Goods]:
    """A cheap offer that often fails, and a dearer one that does not."""
    cheap = await world.more_goods(slug)
    solid = await another_offer(world.owner, cheap, supply_minor=8_200)
    await world.keys(2, cheap)
    await world.keys(2, solid)
    await world.owner.executemany(
        "insert into offer_figures (listing_id, sold, faults, typical_seconds)"
        " values ($1, $2, $3, $4)",
        [(cheap.listing_id, 100, 30, 3_600), (solid.listing_id, 400, 2, 10)],
    )
    return cheap, solid


async def prices(visitor: Visitor, address: str) -> list[str]:
    """The offers' prices in the order of the page, the preselected first."""
    return re.findall(r"CN¥(11\d\.\d\d)", (await visitor.get(address)).text)[:2]


async def test_each_offer_tells_its_past_and_what_it_is_praised_for(
    visitor: Visitor, world: World
) -> None:
    await two_offers(world, "compared")
    page = await visitor.get("/p/compared")
    assert "reliable 99.5% (of 400 sold in 90 days)" in page.text
    assert "usually within 10 s" in page.text
    assert "usually within 1 h" in page.text
    assert page.text.count("Cheapest") == page.text.count("Most reliable") == 1
    assert "supplier of" not in page.source


async def test_the_buyer_chooses_the_order_without_a_script(visitor: Visitor, world: World) -> None:
    await two_offers(world, "sorted")
    assert await prices(visitor, "/p/sorted") == ["110.00", "112.00"]
    for sort in ("RELIABILITY", "SPEED", "BALANCED"):
        link = f"/p/sorted?offers={sort}"
        assert link in (await visitor.get("/p/sorted")).links
        assert await prices(visitor, link) == ["112.00", "110.00"]
    assert await prices(visitor, "/p/sorted?offers=NONSENSE") == ["110.00", "112.00"]
