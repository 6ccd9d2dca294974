"""The market that is measured: as large as it says, sound, and in parts real."""

from uuid import UUID

import asyncpg
import pytest

from entrypoints.bench.market.buyers import plant_buyers
from entrypoints.bench.market.history import copy_sales
from entrypoints.bench.market.planting import plant_market
from entrypoints.bench.market.records import Market, read_market
from entrypoints.bench.market.sealed_keys import SERIAL, SealingPlan, seal
from entrypoints.bench.market.stock import TABLES, fill_pools, restock
from entrypoints.bench.timing import Size
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish, price_wishes
from orders import paying
from orders.checkout import Buyer
from supply.vault import open_key, verify_commitment
from tenants.directory import shop_by_id

SMALL = Size(shops=7, skus=12, keys_per_sku=10)


async def planted(owner: asyncpg.Connection, size: Size, said: list[str] | None = None) -> Market:
    async def sealed() -> None:
        await seal(SealingPlan(keys_each=1, keys_of_first=3))

    told: list[str] = [] if said is None else said
    return await plant_market(owner, size, seal=sealed, say=told.append)


def silent(said: str) -> None:
    """Nobody listens."""


async def count(owner: asyncpg.Connection, what: str) -> int:
    number: int = await owner.fetchval(f"select count(*) from {what}")
    return number


async def bought(market: Market, customer_id: UUID, *, times: int = 1) -> list[UUID]:
    """Sales of the product itself: one piece each, from the wallet, of one SKU after the other."""
    shop = await shop_by_id(market.shops[0].id)
    assert shop is not None
    made = []
    for turn in range(times):
        wish = Wish(market.skus[turn % 3].id, 1)
        async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
            (line,) = await price_wishes(shop, [wish])
        sale = await paying.quick_buy(
            shop=shop,
            buyer=Buyer(customer_id),
            wish=wish,
            expected_total_minor=line.total_minor,
            contact=None,
            affiliate_code=None,
            method="WALLET",
            idempotency_key=new_id().hex,
        )
        made.append(sale.order_id)
    return made


async def test_a_market_has_its_size_rules_at_every_level_and_sound_books(
    database: Settings, owner: asyncpg.Connection
) -> None:
    market = await planted(owner, SMALL)

    assert (len(market.shops), len(market.skus)) == (7, 12)
    assert await count(owner, "keys where status = 'AVAILABLE'") == 120
    assert await count(owner, "tenants") == 1 + 2 + 7
    without = "tenants t where not exists (select from price_rules where tenant_id = t.id)"
    assert await count(owner, without) == 0
    assert await count(owner, "tenant_listings where title_override <> ''") > 0
    assert await verify(database.database_url) == []


async def test_suppliers_have_as_many_of_the_goods_each(
    database: Settings, owner: asyncpg.Connection
) -> None:
    await planted(owner, Size(shops=1, skus=12, keys_per_sku=1, depth=1, suppliers=4))

    rows = await owner.fetch("select count(*) as n from supplier_listings group by supplier_id")
    assert [row["n"] for row in rows] == [3, 3, 3, 3]


async def test_the_root_has_every_agent_below_it_and_every_other_tenant_at_most_five(
    database: Settings, owner: asyncpg.Connection
) -> None:
    await planted(owner, Size(shops=61, skus=12, keys_per_sku=1, depth=4))

    below = await owner.fetch(
        """select parent.depth, count(*) as children from tenants child
           join tenants parent on parent.id = child.parent_id group by parent.id"""
    )
    assert [row["children"] for row in below if row["depth"] == 0] == [3]
    assert max(row["children"] for row in below if row["depth"] > 0) == 5
    assert await count(owner, "tenants") == 1 + 3 + 13 + 61


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
async def test_shops_stand_at_the_lowest_level_of_a_tree_as_deep_as_asked(
    database: Settings, owner: asyncpg.Connection, depth: int
) -> None:
    market = await planted(owner, Size(shops=1, skus=12, keys_per_sku=1, depth=depth))
    (shop,) = market.shops

    path = await owner.fetchval("select path from tenants where id = $1", shop.id)
    assert len(path) == depth
    (customer,) = await plant_buyers(owner, market.shops, count=1)
    await bought(market, customer.id)
    ledger_rows = await count(owner, "ledger_entries") - 2  # the top-up's
    assert ledger_rows == 5 + depth
    assert await verify(database.database_url) == []


async def test_the_first_keys_of_every_pool_can_be_opened_and_are_sold_first(
    database: Settings, owner: asyncpg.Connection
) -> None:
    market = await planted(owner, SMALL)
    buyers = await plant_buyers(owner, market.shops, count=2)
    await bought(market, buyers[0].id, times=3)

    sold = await owner.fetch("select * from keys where status = 'SOLD'")
    assert [row["serial"].startswith(SERIAL) for row in sold] == [True] * 3
    for row in sold:
        opened = open_key(
            key_id=row["id"],
            supplier_listing_id=row["supplier_listing_id"],
            secret=row["secret"],
            secret_key_id=row["secret_key_id"],
        )
        assert verify_commitment(
            secret=opened.secret, salt_hex=opened.salt_hex, commitment=row["commitment"]
        )


async def test_a_planting_that_was_killed_goes_on_where_it_stopped(
    database: Settings, owner: asyncpg.Connection
) -> None:
    class Killed(Exception):
        pass

    def kill(said: str) -> None:
        if " keys" in said:
            raise Killed

    async def sealed() -> None:
        await seal(SealingPlan(keys_each=1, keys_of_first=1))

    with pytest.raises(Killed):
        await plant_market(owner, SMALL, seal=sealed, say=kill)
    begun = await read_market(owner)
    await fill_pools(owner, begun.skus, keys_each=4, say=silent)  # a part of the keys

    assert await planted(owner, SMALL) == begun
    assert await count(owner, "keys") == 120
    said: list[str] = []
    await planted(owner, SMALL, said)
    assert (len(said), await count(owner, "keys")) == (1, 120)
    assert await verify(database.database_url) == []


async def test_the_indexes_of_the_keys_are_dropped_while_pools_are_filled_and_are_there_after(
    database: Settings, owner: asyncpg.Connection
) -> None:
    class Killed(Exception):
        pass

    def kill(said: str) -> None:
        raise Killed

    async def indexes() -> set[str]:
        rows = await owner.fetch(
            "select indexdef from pg_indexes where tablename = any ($1)", TABLES
        )
        return {row["indexdef"] for row in rows}

    before = await indexes()
    market = await planted(owner, Size(shops=1, skus=2, keys_per_sku=1))
    assert await indexes() == before
    with pytest.raises(Killed):
        await fill_pools(owner, market.skus, keys_each=9, say=kill)
    left = await indexes()
    assert left < before
    assert all("_pkey " in one for one in left)
    await fill_pools(owner, market.skus, keys_each=9, say=silent)
    assert await indexes() == before


async def test_restocking_fills_up_what_was_sold_and_no_more(
    database: Settings, owner: asyncpg.Connection
) -> None:
    market = await planted(owner, SMALL)
    await owner.execute("delete from keys where sku_id = $1", market.skus[0].id)
    await restock(owner, market.skus, keys_each=11)
    await restock(owner, market.skus, keys_each=11)
    await restock(owner, market.skus[:1], keys_each=5)

    assert await count(owner, "keys") == 12 * 11


async def test_copied_sales_are_as_sound_as_their_originals_and_sell_keys_of_their_own(
    database: Settings, owner: asyncpg.Connection
) -> None:
    market = await planted(owner, SMALL)
    (buyer,) = await plant_buyers(owner, market.shops[:1], count=1)
    originals = await bought(market, buyer.id, times=3)
    per_sale = await count(owner, "ledger_entries") - 2
    await copy_sales(owner, originals, sales=300, say=silent)

    assert await count(owner, "orders") == 303
    assert await count(owner, "keys where status = 'SOLD'") == 303
    assert await count(owner, "ledger_entries") - 2 == per_sale * 101
    assert await verify(database.database_url) == []
    await bought(market, buyer.id, times=3)
    assert await verify(database.database_url) == []
