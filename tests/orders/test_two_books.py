"""Two books in one (domain 2): the same piece earns everybody above a shop the same, whether the
shop's buyers pay the platform or the shop buys at cost and is paid by them."""

import asyncio
from collections import Counter
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from entrypoints.verify import verify
from kernel import db, valkey
from kernel.errors import Refusal
from kernel.settings import Settings
from offers.at_cost import CostWish
from offers.quotes import NotEnough, Wish
from random_markets import Market, MarketWish, erase, market_wishes, plant_market
from sales import SalesDesk, channels_in_memory
from trade_desk import buy, credit
from world import ShopAt

pytestmark = pytest.mark.engines

Earned = list[tuple[UUID | None, str, str, int]]
EARNED = """
    select party_id, role, currency, sum(amount_minor)::bigint from line_shares
    where order_id = $1 and role not in ('SHOP_MARGIN', 'AFFILIATE')
      and (party_id is null or party_id <> $2) and ($3 or role <> 'WHOLESALE_MARGIN')
    group by 1, 2, 3 order by 2, 1, 3
"""


async def sold(desk: SalesDesk, at: ShopAt, offer_id: UUID, sku_id: UUID) -> UUID:
    """One piece of this offer, paid by a buyer through a channel."""
    purchase = await desk.order(wishes=[Wish(sku_id, 1, offer_id)], at=at)
    await purchase.paid()
    return purchase.id


async def bought(desk: SalesDesk, at: ShopAt, sku_id: UUID) -> tuple[UUID, UUID]:
    """One piece of the same goods, bought by the shop itself; and whose offer it was."""
    shop = await desk.shop(at)
    await credit(shop, 1_000_000_000)
    order = await buy(
        shop, desk.world.goods, lines=[CostWish(sku_id, 1)], most_total_minor=1_000_000_000
    )
    listing_id: UUID = await desk.owner.fetchval(
        "select supplier_listing_id from order_lines where order_id = $1", order.order.id
    )
    return order.order.id, listing_id


async def earned(owner: asyncpg.Connection, order_id: UUID, shop: ShopAt) -> Earned:
    """What everybody above the shop gets of an order. The root's own margin is its shop's."""
    rows = await owner.fetch(EARNED, order_id, shop.id, len(shop.path) > 1)
    return [tuple(row) for row in rows]


async def compare(market: Market, desk: SalesDesk, seen: Counter[str]) -> None:
    """Buy each SKU in each shop both ways."""
    for shop in market.shops:
        for offers in market.goods:
            try:
                at_cost, offer_id = await bought(desk, shop, offers[0].sku_id)
                at_retail = await sold(desk, shop, offer_id, offers[0].sku_id)
            except NotEnough:
                seen["sold out"] += 1
                continue
            except Refusal:
                seen["not offered"] += 1
                continue
            above = await earned(desk.owner, at_cost, shop)
            assert above == await earned(desk.owner, at_retail, shop)
            total_minor, own = await desk.owner.fetchrow(
                "select total_minor, currency from orders where id = $1", at_cost
            )
            assert sum(minor for *_, currency, minor in above if currency == own) == total_minor
            seen[f"depth {len(shop.path)}"] += 1


@pytest.mark.sweep
def test_both_books_earn_everybody_above_the_same_price_by_price(config: Settings) -> None:
    seen: Counter[str] = Counter()
    with asyncio.Runner() as runner, channels_in_memory() as channels:
        owner = runner.run(asyncpg.connect(config.database_url))
        runner.run(db.connect(config))

        @settings(
            max_examples=25,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(wish=market_wishes())
        def each(wish: MarketWish) -> None:
            runner.run(erase(owner))
            market = runner.run(plant_market(owner, wish))
            runner.run(compare(market, SalesDesk(market.world, channels), seen))
            assert runner.run(verify(config.database_url)) == []

        try:
            each()
        finally:
            runner.run(valkey.close())
            runner.run(db.disconnect())
            runner.run(owner.close())
    assert len([depth for depth in seen if depth.startswith("depth")]) >= 4, seen
    assert sum(count for what, count in seen.items() if what.startswith("depth")) > 40, seen
