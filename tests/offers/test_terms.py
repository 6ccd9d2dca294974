"""What a parent and the platform set for prices further down: caps, and how many levels earn."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from kernel.errors import Invalid, NotFound
from offers import quotes
from offers.quotes import Wish
from sales import SalesDesk
from tenants.terms import Terms, set_terms
from world import ShopAt

LIST_MINOR = 11_000
"""What the shop of the worked example asks; it pays 9,000, and the agent above it 8,500."""


async def _say(at: ShopAt, terms: Terms, *, by: ShopAt | None = None) -> None:
    """An operator's terms, unless somebody is named."""
    await set_terms(tenant_id=at.id, terms=terms, parent_id=by.id if by else None, actor="somebody")


async def _price(desk: SalesDesk, at: ShopAt | None = None) -> int | None:
    try:
        quote = await quotes.quote(await desk.shop(at), [Wish(desk.world.goods.sku_id, 1)])
    except NotFound:
        return None
    return quote.total_minor


async def test_a_parent_bounds_what_its_child_adds_to_the_cost(desk: SalesDesk) -> None:
    world = desk.world
    await world.keys(1)
    await _say(world.shop, Terms(max_markup_bp=2_223), by=world.agent)
    assert await _price(desk) == LIST_MINOR, "2,000.7 above its cost"
    await _say(world.shop, Terms(max_markup_bp=2_222), by=world.agent)
    with capture_logs() as logs:
        assert await _price(desk) is None
        await _say(world.shop, Terms(on_parent_loss="REPARENT"), by=world.agent)
        assert await _price(desk) is None, "what is not said stays"
    assert {log["guard"] for log in logs} == {"G4"}
    await _say(world.shop, Terms(max_markup_bp=None), by=world.agent)
    assert await _price(desk) == LIST_MINOR


async def test_a_parent_neither_lifts_nor_raises_the_platforms_cap(desk: SalesDesk) -> None:
    world = desk.world
    await world.keys(1)
    await _say(world.shop, Terms(max_markup_bp=2_222))
    for lifted in (None, 5_000):
        await _say(world.shop, Terms(max_markup_bp=lifted), by=world.agent)
        assert await _price(desk) is None, lifted
    cap = "select max_markup_bp from tenants where id = $1"
    await _say(world.shop, Terms(max_markup_bp=100), by=world.agent)
    assert await desk.owner.fetchval(cap, world.shop.id) == 100
    await _say(world.shop, Terms(max_markup_bp=None), by=world.agent)
    assert await desk.owner.fetchval(cap, world.shop.id) == 2_222, "the platform's holds again"
    await _say(world.shop, Terms(max_markup_bp=None))
    assert await _price(desk) == LIST_MINOR


async def test_the_platform_bounds_all_levels_together_and_says_how_many_earn(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(1)
    await _say(world.root, Terms(earning_depth=0))
    assert await _price(desk) == 8_500 + 2_000, "the agent passes its cost on"
    await _say(world.root, Terms(earning_depth=None))
    await world.rule(
        world.root, "RETAIL", "ABSOLUTE", 10_000, scope="SKU", target_id=world.goods.sku_id
    )
    await _say(world.root, Terms(cumulative_cap_bp=1_000))
    assert await _price(desk) == LIST_MINOR
    await _say(world.root, Terms(cumulative_cap_bp=999))
    with capture_logs() as logs:
        assert await _price(desk) is None
    assert {log["guard"] for log in logs} == {"G4"}
    assert await _price(desk, world.root) == 10_000
    await _say(world.root, Terms(cumulative_cap_bp=None))
    assert await _price(desk) == LIST_MINOR


async def test_terms_of_the_whole_tree_are_its_roots_and_a_childs_its_parents(
    desk: SalesDesk,
) -> None:
    world = desk.world
    contracts = "select array_agg(t::text order by id) from tenants t"
    before = await desk.owner.fetchval(contracts)
    for terms, by, refusal in (
        (Terms(cumulative_cap_bp=1), None, Invalid),
        (Terms(earning_depth=None), None, Invalid),
        (Terms(max_markup_bp=1, earning_depth=1), world.agent, Invalid),
        (Terms(max_markup_bp=1), world.root, NotFound),
        (Terms(max_markup_bp=1), world.shop, NotFound),
    ):
        with pytest.raises(refusal):
            await _say(world.shop, terms, by=by)
    assert await desk.owner.fetchval(contracts) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_markup_bp", -1),
        ("max_markup_bp", 10**6 + 1),
        ("cumulative_cap_bp", -1),
        ("earning_depth", 6),
        ("max_child_depth", 10),
    ],
)
def test_terms_have_bounds(name: str, value: int) -> None:
    said: dict[str, Any] = {name: value}
    with pytest.raises(Invalid):
        Terms(**said)
