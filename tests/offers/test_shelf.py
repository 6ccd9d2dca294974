"""A shop's shelf: what it sells, at what price, how many there are, and what asking costs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from math import isinf
from uuid import UUID

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from asked import statements
from entrypoints.asgi import create_app
from kernel import db
from kernel.settings import settings
from offers import catalogue, shelf
from offers.own_prices import OwnPrice, own_prices
from offers.shelf import ShelfSku
from offers.statements import SKUS_BY_ID
from offers.stock_seen import StockSeen, stock_seen
from random_markets import another_offer
from sales import SalesDesk
from supply import pool_heads
from supply.cursor_hints import FROM_THE_HEAD
from supply.holding import hints
from tenants import directory
from tenants.directory import Shop
from world import Goods, ShopAt

pytestmark = pytest.mark.engines


@asynccontextmanager
async def reading(shop: Shop) -> AsyncIterator[None]:
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        yield


async def look(
    desk: SalesDesk, goods: Goods | None = None, at: ShopAt | None = None
) -> ShelfSku | None:
    """The goods as a shop sells them now, or not."""
    shop, sku_id = await desk.shop(at), (goods or desk.world.goods).sku_id
    async with reading(shop):
        return (await shelf.skus_by_id(shop, [(sku_id, 1)], stock_bound=100)).get((sku_id, 1))


async def price_of(desk: SalesDesk, at: ShopAt | None = None) -> int | None:
    sku = await look(desk, at=at)
    return sku.display_offer.unit_price_minor if sku else None


async def costs(desk: SalesDesk) -> tuple[int, ...]:
    sku = await look(desk)
    assert sku is not None
    return sku.sourcing[sku.display_offer.id].costs


# --- prices down the path


async def test_the_worked_example_is_priced_level_by_level(desk: SalesDesk) -> None:
    assert await costs(desk) == (8_000, 8_500, 9_000)
    assert await price_of(desk) == 11_000
    assert await price_of(desk, desk.world.agent) == 10_500


async def test_a_shop_without_a_rule_asks_what_its_parent_asks(desk: SalesDesk) -> None:
    newcomer = await desk.world.another_shop("newcomer", below=desk.world.shop)
    assert await price_of(desk, newcomer) == 11_000, "its own cost is 90.00, passed through"
    # Above everybody there is no suggestion: the root sells at its cost, and G5 forbids that.
    with capture_logs():
        assert await price_of(desk, desk.world.root) is None


async def test_a_broken_guard_hides_its_offer_and_raises_the_alarm_and_nothing_else_suffers(
    desk: SalesDesk,
) -> None:
    other = await desk.world.more_goods("other")
    cheap = await another_offer(desk.owner, other, supply_minor=7_000)
    # Below its own cost for one SKU, for one of whose offers it is still enough.
    await desk.world.rule(
        desk.world.shop, "RETAIL", "ABSOLUTE", 8_900, scope="SKU", target_id=other.sku_id
    )
    with capture_logs() as logs:
        left = await look(desk, other)
        assert await price_of(desk) == 11_000
    assert left is not None
    assert [offer.id for offer in left.offers] == [cheap.listing_id]
    (alarm,) = logs
    assert (alarm["event"], alarm["sku"], alarm["guard"]) == ("price_hidden", "other", "G3")
    assert "8900" not in str(alarm) and "9000" not in str(alarm), "a log names no cost"


async def test_floors_and_ceilings_of_anybody_above_and_of_the_supplier_hold(
    desk: SalesDesk,
) -> None:
    sku_id = desk.world.goods.sku_id

    async def limit(tenant_id: UUID, floor: int | None, ceiling: int | None) -> int | None:
        await desk.owner.execute("delete from price_limits")
        await desk.owner.execute(
            "insert into price_limits values ($1, $2, $3, $4)", tenant_id, sku_id, floor, ceiling
        )
        with capture_logs():
            return await price_of(desk)

    for above in (desk.world.root, desk.world.agent, desk.world.shop):
        assert await limit(above.id, 11_000, 11_000) == 11_000
        assert await limit(above.id, 11_001, None) is None
        assert await limit(above.id, None, 10_999) is None
    neighbour = await desk.world.another_shop("neighbour")
    assert await limit(neighbour.id, 20_000, None) == 11_000, "nobody else's limits count"
    await desk.owner.execute("update supplier_listings set min_retail_minor = 11001")
    with capture_logs():
        assert await price_of(desk) is None
    await desk.owner.execute(
        "update supplier_listings set min_retail_minor = null, max_retail_minor = 10999"
    )
    with capture_logs():
        assert await price_of(desk) is None


async def test_the_worst_affiliate_rate_must_be_payable_from_the_margin(desk: SalesDesk) -> None:
    # 110.00 less 90.00 is 20.00: 18.1 % of the price and 0.6 % of it are more than that.
    await desk.world.affiliate("star", rate_bp=1_750)
    assert await price_of(desk) == 11_000
    await desk.world.affiliate("moon", rate_bp=1_810)
    with capture_logs() as logs:
        assert await price_of(desk) is None
    assert logs[0]["guard"] == "G5"
    await desk.owner.execute("update affiliate_programs set status = 'CLOSED' where rate_bp > 1800")
    assert await price_of(desk) == 11_000


# --- what a shop lists


async def test_what_a_shop_hides_is_hidden_from_it_down_and_from_nobody_else(
    desk: SalesDesk,
) -> None:
    world = desk.world
    below = await world.another_shop("below", below=world.shop)
    beside = await world.another_shop("beside")
    sku_id = world.goods.sku_id

    async def seen_by() -> set[str]:
        return {
            shop.slug
            for shop in (world.agent, world.shop, below, beside)
            if await price_of(desk, shop) is not None
        }

    assert await seen_by() == {"agent", "shop", "below", "beside"}
    await desk.owner.execute(
        "insert into tenant_listings values ($1, $2, false)", world.shop.id, sku_id
    )
    assert await seen_by() == {"agent", "beside"}
    # A child cannot bring back what a parent has taken away.
    await desk.owner.execute("insert into tenant_listings values ($1, $2, true)", below.id, sku_id)
    assert await seen_by() == {"agent", "beside"}
    await desk.owner.execute(
        "update tenant_listings set tenant_id = $1 where not visible", world.root.id
    )
    assert await seen_by() == set()


async def test_what_is_archived_paused_suspended_or_of_another_currency_is_not_for_sale(
    desk: SalesDesk,
) -> None:
    for takes_away, gives_back in (
        ("update skus set status = 'ARCHIVED'", "update skus set status = 'ACTIVE'"),
        ("update products set status = 'ARCHIVED'", "update products set status = 'ACTIVE'"),
        (
            "update supplier_listings set status = 'PAUSED'",
            "update supplier_listings set status = 'ACTIVE'",
        ),
        ("update suppliers set status = 'SUSPENDED'", "update suppliers set status = 'ACTIVE'"),
        (
            "update supplier_listings set currency = 'USD'",
            "update supplier_listings set currency = 'CNY'",
        ),
    ):
        await desk.owner.execute(takes_away)
        assert await look(desk) is None, takes_away
        await desk.owner.execute(gives_back)
        assert await look(desk) is not None


# --- stock


async def test_the_stock_is_what_can_be_held_now(desk: SalesDesk) -> None:
    async def stock() -> int:
        sku = await look(desk)
        assert sku is not None
        return sku.stock

    now = await desk.owner.fetchval("select now()")
    await desk.world.keys(3)
    await desk.world.keys(1, expires_at=now + timedelta(days=3))
    assert await stock() == 4
    await desk.owner.execute("update skus set min_remaining_days = 5")
    assert await stock() == 3, "a key too near to its end is not counted"
    purchase = await desk.order(2)
    assert await stock() == 1
    await desk.world.shift_clock("16 minutes")
    assert await stock() == 3, "a hold that has run out holds nothing, worker or no worker"
    await desk.sweep()
    assert await stock() == 3
    await (await desk.order(3)).paid()
    assert await stock() == 0
    assert await purchase.status() == "EXPIRED"


async def test_the_stock_of_a_page_is_what_the_pool_counts_whatever_keys_there_are(
    desk: SalesDesk,
) -> None:
    """The page counts in its own statement, and a sale from the place where keys were taken last;
    the pool asks `free_keys`: they never disagree."""
    goods = desk.world.goods
    await _pools_of_all_kinds(desk)
    shop = await desk.shop()
    rows = await desk.owner.fetch("select id from supplier_listings")
    listing_ids = [row["id"] for row in rows]
    compared = set()
    for days in (0, 5, 30, 500):
        for shift in ("0 minutes", "6 minutes", "4 days"):
            await desk.owner.execute("update skus set min_remaining_days = $1", days)
            await desk.world.shift_clock(shift)
            for bound, place in ((1, 0), (3, 1), (3, 40), (100, 0), (100, 25), (100, 10_000)):
                for listing_id in listing_ids:
                    hints.learn(listing_id, place, began=FROM_THE_HEAD)
                found = await shelf.skus_by_id(shop, [(goods.sku_id, 1)], stock_bound=bound)
                rows = await desk.owner.fetch(
                    "select id, free_keys(id, $1, $2) as stock from supplier_listings", days, bound
                )
                counted = {row["id"]: row["stock"] for row in rows}
                shown = {offer.id: offer.stock for offer in found[goods.sku_id, 1].offers}
                assert shown == {listing_id: counted[listing_id] for listing_id in shown}
                assert len(shown) == 3
                compared |= set(shown.values())
    assert len(compared) > 8, "many different stocks have been compared"


async def test_a_sale_counts_around_the_keys_that_were_sold_before_its_place(
    desk: SalesDesk,
) -> None:
    """Under an open snapshot the entries of sold keys stay in the index, and a count from the
    beginning walks over all of them."""
    goods = desk.world.goods
    await desk.world.keys(6_000)
    shop = await desk.shop()
    await desk.owner.execute("vacuum (analyze) keys")

    async def blocks() -> int:
        """How many blocks of the index counting touches."""
        places = shelf.places_of([goods.sku_id])
        values = [list(shop.path), shop.id, 150, [goods.sku_id], *places]
        async with reading(shop):
            rows = await db.fetch(f"explain (analyze, buffers, format json) {SKUS_BY_ID}", *values)
        plan = json.loads(rows[0][0])[0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    assert await look(desk) is not None  # the process has met the listing
    watcher = await asyncpg.connect(settings().database_url)
    try:
        await watcher.execute("begin isolation level repeatable read")
        await watcher.fetch("select from keys limit 1")  # from here on nothing dead goes
        sold = await desk.owner.fetch(
            """update keys set status = 'SOLD', held_by_line_id = gen_random_uuid()
               where id in (select id from keys order by position limit 5700)
               returning position"""
        )
        from_the_beginning = await blocks()
        last = max(row["position"] for row in sold)
        hints.learn(goods.listing_id, last, began=FROM_THE_HEAD)
        assert await blocks() < from_the_beginning / 2
        hints.forget()  # another process knows the head of the pool
        assert await blocks() > from_the_beginning / 2
        await desk.owner.execute(pool_heads.LOOK, goods.listing_id)
        assert await blocks() < from_the_beginning / 2
        found = await look(desk)
        assert found is not None
        assert found.stock == 100
    finally:
        await watcher.close()


async def test_stock_stands_still_for_as_long_as_it_is_said_to_and_no_longer(
    desk: SalesDesk,
) -> None:
    goods = desk.world.goods
    await _pools_of_all_kinds(desk)
    shop = await desk.shop()

    async def stocks(bound: int, shift_seconds: float) -> tuple[dict[UUID, int], float]:
        await desk.world.shift_clock(f"{shift_seconds} seconds")
        seen = StockSeen()
        token = stock_seen.set(seen)
        found = await shelf.skus_by_id(shop, [(goods.sku_id, 1)], stock_bound=bound)
        stock_seen.reset(token)
        offers = found[goods.sku_id, 1].offers
        assert seen.listing_ids == {offer.id for offer in offers}
        return {offer.id: offer.stock for offer in offers}, seen.still_seconds

    moved = 0
    for days in (0, 5):
        await desk.owner.execute("update skus set min_remaining_days = $1", days)
        for bound in (3, 20, 100):
            shift_seconds = 0.0
            for _ in range(4):
                before, still_seconds = await stocks(bound, shift_seconds)
                if isinf(still_seconds):
                    break
                shift_seconds += still_seconds
                assert (await stocks(bound, shift_seconds - 1.0))[0] == before
                shift_seconds += 1.0
                moved += (await stocks(bound, shift_seconds))[0] != before
    assert moved >= 8, "what was foreseen has come"


async def test_nothing_moves_a_pool_without_holds_and_without_ends(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    seen = StockSeen()
    token = stock_seen.set(seen)
    assert await look(desk) is not None
    stock_seen.reset(token)
    assert seen.listing_ids == {desk.world.goods.listing_id}
    assert isinf(seen.still_seconds)


async def _pools_of_all_kinds(desk: SalesDesk) -> None:
    """Three offers of one SKU: keys with and without an end, free, held, run out, withdrawn."""
    goods = desk.world.goods
    listings = [goods, *[await another_offer(desk.owner, goods, supply_minor=n) for n in (1, 2)]]
    now = await desk.owner.fetchval("select now()")
    for number, one in enumerate(listings):
        for days in (None, -1, 0, 3, 5, 6, 400):
            expires_at = None if days is None else now + timedelta(days=days, minutes=1)
            await desk.world.keys(4 + number, one, expires_at=expires_at)
    # Held by nobody in particular: the reference is not what is tested.
    await desk.owner.execute(
        """update keys set status = 'HELD', held_by_line_id = gen_random_uuid(),
                  held_until = now() + (position % 3 - 1) * interval '5 minutes'
           where position % 2 = 0"""
    )
    await desk.owner.execute("update keys set status = 'WITHDRAWN' where position % 22 = 1")


async def test_the_stock_is_the_largest_single_offers_and_counted_no_further_than_the_bound(
    desk: SalesDesk,
) -> None:
    second = await another_offer(desk.owner, desk.world.goods, supply_minor=8_100)
    await desk.world.keys(2)
    await desk.world.keys(5, second)
    sku = await look(desk)
    assert sku is not None
    assert (sku.stock, [offer.stock for offer in sku.offers]) == (5, [2, 5])
    shop = await desk.shop()
    async with reading(shop):
        bounded = await shelf.skus_by_id(shop, [(sku.id, 1)], stock_bound=3)
    assert [offer.stock for offer in bounded[sku.id, 1].offers] == [2, 3]


async def test_the_offer_is_the_cheapest_that_covers_the_quantity_or_the_one_chosen(
    desk: SalesDesk,
) -> None:
    cheap = desk.world.goods
    dear = await another_offer(desk.owner, cheap, supply_minor=8_100, warranty_hours=72)
    await desk.world.keys(2, cheap)
    await desk.world.keys(5, dear)
    sku = await look(desk)
    assert sku is not None
    assert [(offer.unit_price_minor, offer.warranty_hours) for offer in sku.offers] == [
        (11_000, 24),
        (11_100, 72),
    ]
    for quantity, expected in ((1, cheap), (2, cheap), (3, dear), (5, dear)):
        offer = sku.offer_for(quantity)
        assert offer is not None and offer.id == expected.listing_id
    assert sku.offer_for(6) is None
    chosen = sku.offer_for(1, dear.listing_id)
    assert chosen is not None and chosen.id == dear.listing_id
    assert sku.offer_for(1, desk.world.shop.id) is None
    # The price that is shown is one that can be had.
    await desk.owner.execute(
        "update keys set status = 'WITHDRAWN' where supplier_listing_id = $1", cheap.listing_id
    )
    sku = await look(desk)
    assert sku is not None and sku.display_offer.id == dear.listing_id


# --- how much is asked of the database


async def test_a_page_of_24_products_costs_what_a_page_of_one_costs(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(24):
        goods = await desk.world.more_goods(f"goods-{number:02}")
        if number % 2:
            await another_offer(desk.owner, goods, supply_minor=8_050)
    monkeypatch.setattr(directory, "REMEMBER_SECONDS", 60.0)
    directory.forget()
    transport = httpx.ASGITransport(create_app(settings()))
    base_url = f"http://{desk.world.shop.host}"
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:

        async def asked_for(first: int, fields: str) -> int:
            """How many statements a page of so many products with these fields costs."""
            document = f"{{ products(first: {first}) {{ edges {{ node {{ {fields} }} }} }} }}"
            with statements() as asked:
                response = await http.post(
                    "/graphql/", json={"query": document}, headers={"x-kameng-client": "tests"}
                )
            found = response.json()
            assert "errors" not in found, found
            assert len(found["data"]["products"]["edges"]) == first
            return len(asked)

        await asked_for(1, "name")  # from now on the shop is remembered
        priced = "name price { amount { amountMinor } } stock { quantity more }"
        assert [await asked_for(first, "name slug") for first in (1, 24)] == [1, 1]
        await asked_for(1, priced)  # and so are the rules of its path
        assert [await asked_for(first, priced) for first in (1, 24)] == [1, 1]
        whole = f"{priced} skus {{ id name offers {{ id price {{ amountMinor }} }} }}"
        assert [await asked_for(first, whole) for first in (1, 24)] == [1, 1]
    directory.forget()


async def test_a_shelf_is_one_statement_and_one_more_after_rules_have_changed(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    wanted = [(desk.world.goods.sku_id, 1)]

    async def asked_for(bought: bool = False) -> int:
        with statements() as asked:
            if bought:
                async with reading(shop):
                    found = await shelf.skus_by_id(shop, wanted, stock_bound=100)
            else:
                found = await shelf.skus_by_id(shop, wanted, stock_bound=100)
        assert set(found) == set(wanted)
        return len(asked)

    assert await asked_for() == 2, "nobody knew the rules yet"
    for number in range(3):
        wanted.append(((await desk.world.more_goods(f"more-{number}")).sku_id, 1))
        assert [await asked_for(), await asked_for(bought=True)] == [1, 1]
    await desk.world.rule(desk.world.agent, "WHOLESALE", "FIXED_OVER_COST", 600)
    assert [await asked_for(), await asked_for()] == [2, 1]
    with statements() as asked:
        assert await shelf.skus_by_id(shop, [], stock_bound=100) == {}
    assert asked == []


# --- what a shop knows of its own prices


async def test_a_shop_sees_its_own_cost_and_nobody_elses(desk: SalesDesk) -> None:
    await desk.world.keys(2)

    async def seen(at: ShopAt) -> OwnPrice:
        shop = await desk.shop(at)
        page = await catalogue.products(shop, ids=[desk.world.goods.product_id])
        (own,) = own_prices(page.rows)
        return own

    shops, agents = await seen(desk.world.shop), await seen(desk.world.agent)
    assert (shops.cost_minor, shops.retail_minor, shops.stock) == (9_000, 11_000, 2)
    assert (agents.cost_minor, agents.retail_minor) == (8_500, 10_500)
    assert "8500" not in repr(shops) and "8000" not in repr(shops)
