"""A shop's catalogue has another version after every change that it can show, and only then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import until
from tenants.directory import catalogue_version, current_shop
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines

PLATFORM_ID = UUID(int=0)
EVERYBODY = "*"


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    """Three levels of shops, and one that stands beside."""
    return await build_world(owner, keys=1)


@pytest.fixture
async def heard(config: Settings, world: World) -> AsyncIterator[Callable[[], Awaitable[set[str]]]]:
    """What was announced on the channel since the last call."""
    listener = await asyncpg.connect(config.database_url)
    announced: set[str] = set()
    await listener.add_listener("catalogue", lambda _c, _p, _ch, payload: announced.add(payload))

    async def since_last_time() -> set[str]:
        await listener.execute("select 1")
        found = set(announced)
        announced.clear()
        return found

    yield since_last_time
    await listener.close()


async def versions(world: World) -> dict[UUID, int]:
    rows = await world.owner.fetch("select owner_id, version from catalogue_versions")
    return {row["owner_id"]: row["version"] for row in rows}


async def version_of(world: World, shop: ShopAt) -> int:
    """The sum over the shop's path and the platform."""
    found = await versions(world)
    return sum(found[owner_id] for owner_id in (*shop.path, PLATFORM_ID))


OF_THE_PLATFORM = {
    "categories": ("name_en = 'other'", "position = 9", "slug = 'other'"),
    "products": ("name_zh = '别的'", "position = 9", "status = 'ARCHIVED'", "description_en = 'x'"),
    "skus": (
        "max_per_order = 3",
        "form_fields = '[{}]'",
        "min_remaining_days = 9",
        "status = 'ARCHIVED'",
        "region = 'EU'",
    ),
    "suppliers": ("status = 'SUSPENDED'", "commission_bp = 17", "name = 'other'"),
    "supplier_listings": (
        "supply_price_minor = 8001",
        "status = 'PAUSED'",
        "min_retail_minor = 5",
        "warranty_hours = 1",
        "currency = 'USD'",
    ),
    "offer_figures": ("sold = 3", "faults = 1", "typical_seconds = 60"),
}
OF_A_TENANT = {
    "tenants": (
        "status = 'RESTRICTED', orders_stopped = true",
        "locale = 'en'",
        "currency = 'USD'",
        "payment_methods = array['WALLET']",
        "min_margin_minor = 7",
        "max_markup_bp = 77",
        "name = 'other'",
        "grade_id = null",
    ),
    "tenant_domains": ("is_primary = false",),
    "price_rules": (
        "value = value + 1",
        "rounding = 'UP'",
        "kind = 'PERCENT_OVER_COST'",
        "starts_at = now() - interval '1 hour'",
        "ends_at = now() + interval '1 hour'",
    ),
    "price_limits": ("floor_minor = 2", "applies_to = 'NET'"),
    "promotions": ("status = 'PAUSED'", "ends_at = now() + interval '1 day'"),
    "tenant_listings": ("visible = false", "title_override = 'other'", "position = 3"),
    "affiliate_programs": ("rate_bp = 1234", "status = 'CLOSED'"),
    "storefronts": ("logo_url = 'https://other.example/'", "accent = null, on_accent = null"),
    "storefront_texts": ("body = 'other'",),
    "storefront_contacts": ("value = '23456'",),
}


async def plant_one_of_each(world: World) -> None:
    for tenant in (world.agent, world.shop):
        await world.owner.execute(
            "insert into price_limits values ($1, $2, 1, null)", tenant.id, world.goods.sku_id
        )
        await world.owner.execute(
            "insert into tenant_listings values ($1, $2, true)", tenant.id, world.goods.sku_id
        )
        await world.affiliate(f"star{tenant.slug}", shop=tenant)
        await world.promotion(tenant)
        await world.owner.execute(
            """insert into storefronts (tenant_id, id, accent, on_accent)
               values ($1, $2, '#123456', '#ffffff')""",
            tenant.id,
            new_id(),
        )
        await world.owner.execute(
            "insert into storefront_texts values ($1, 'en', 'BRAND', 'Star')", tenant.id
        )
        await world.owner.execute(
            "insert into storefront_contacts values ($1, 1, 'QQ', '12345')", tenant.id
        )


@pytest.mark.parametrize("table", OF_THE_PLATFORM)
async def test_a_change_of_the_platforms_goods_moves_every_shop(
    world: World, heard: Callable[[], Awaitable[set[str]]], table: str
) -> None:
    await world.owner.execute(
        "insert into offer_figures (listing_id, sold, faults) values ($1, 2, 0)",
        world.goods.listing_id,
    )
    for change in OF_THE_PLATFORM[table]:
        before = [await version_of(world, shop) for shop in (world.root, world.agent, world.shop)]
        await heard()
        await world.owner.execute(f"update {table} set {change}")
        after = [await version_of(world, shop) for shop in (world.root, world.agent, world.shop)]
        assert all(new > old for old, new in zip(before, after, strict=True)), change
        assert await heard() == {EVERYBODY}, change


@pytest.mark.parametrize("table", OF_A_TENANT)
async def test_a_change_of_a_tenant_moves_it_and_all_below_and_nobody_else(
    world: World, heard: Callable[[], Awaitable[set[str]]], table: str
) -> None:
    await plant_one_of_each(world)
    beside = await world.another_shop("beside")
    column = "id" if table == "tenants" else "tenant_id"
    for change in OF_A_TENANT[table]:
        for changed in (world.agent, world.shop):
            shops = (world.root, world.agent, world.shop, beside)
            before = [await version_of(world, shop) for shop in shops]
            await heard()
            await world.owner.execute(
                f"update {table} set {change} where {column} = $1", changed.id
            )
            after = [await version_of(world, shop) for shop in shops]
            moved = {
                shop.slug for shop, old, new in zip(shops, before, after, strict=True) if new != old
            }
            below = {shop.slug for shop in shops if changed.id in shop.path}
            assert moved == below, change
            assert all(new >= old for old, new in zip(before, after, strict=True))
            assert await heard() == {str(changed.id)}, change


@pytest.mark.parametrize("column", ["cumulative_cap_bp", "earning_depth"])
async def test_what_bounds_the_tree_moves_every_shop(world: World, column: str) -> None:
    shops = (world.root, world.agent, world.shop)
    before = [await version_of(world, shop) for shop in shops]
    await world.owner.execute(f"update tenants set {column} = 5 where parent_id is null")
    after = [await version_of(world, shop) for shop in shops]
    assert all(new > old for old, new in zip(before, after, strict=True))


async def version_read(world: World, at: ShopAt) -> int:
    """The version of a shop as the product reads it, at this moment."""
    async with db.transaction(db.core_scope(), read_only=True):
        shop = await current_shop(at.id)
        assert shop.version == await catalogue_version(shop)
    return shop.version


async def test_a_window_that_opens_or_closes_by_itself_is_another_version_of_its_path_alone(
    world: World, heard: Callable[[], Awaitable[set[str]]]
) -> None:
    beside = await world.another_shop("beside")
    shops = (world.root, world.agent, world.shop, beside)
    opens, closes = await moments(world, 0.5, 1.0)
    await world.asks(world.shop, 9_999, starts_at=opens, ends_at=closes)
    seen = [[await version_read(world, shop) for shop in shops]]
    await heard()
    for moment in (opens, closes):
        await until_passed(world, moment)
        seen.append([await version_read(world, shop) for shop in shops])
    for before, after in pairwise(seen):
        assert after[:2] == before[:2] and after[3] == before[3]
        assert after[2] == before[2] + 1
    assert await heard() == set(), "nobody announces it"


async def test_a_version_that_was_seen_never_comes_again(world: World) -> None:
    # The smallest steps, so that chance hides nothing.
    await world.owner.execute(
        "create or replace function version_step() returns bigint language sql volatile "
        "as $$ select 1::bigint $$"
    )
    first, second, third = await moments(world, 0.1, 0.2, 0.3)
    for number, moment in enumerate((first, second, third)):
        await world.asks(world.shop, 9_000 + number, starts_at=moment, min_quantity=number + 1)
    seen = {await version_read(world, world.shop)}
    await until_passed(world, third)
    for change in ("update price_rules set value = value + 1", "update tenants set name = 'x'"):
        version = await version_read(world, world.shop)
        assert version > max(seen)
        seen.add(version)
        await world.owner.execute(change)
    assert await version_read(world, world.shop) > max(seen)
    left = "select count(*) from catalogue_moments where moment <= now()"
    assert await world.owner.fetchval(left) == 0, "what has passed is forgotten with a change"


async def test_a_sandboxes_clock_that_goes_back_passes_the_same_moments_again(
    world: World,
) -> None:
    (opens,) = await moments(world, 3_600)
    await world.asks(world.shop, 9_999, starts_at=opens)
    await world.shift_clock("2 hours")
    passed = await version_read(world, world.shop)
    await world.owner.execute("update price_rules set value = value + 1")
    assert await version_read(world, world.shop) > passed
    await world.shift_clock("0 hours")
    before = await version_read(world, world.shop)
    await world.owner.execute("update sandbox_clock set shift = interval '59 minutes 59.5 seconds'")
    await until_passed(world, opens)
    known = await version_of(world, world.shop)
    assert await version_read(world, world.shop) == known + 1 != before


async def moments(world: World, *seconds: float) -> list[datetime]:
    """Moments of the platform's time, so many seconds from now."""
    return [
        await world.owner.fetchval("select platform_now() + make_interval(secs => $1)", one)
        for one in seconds
    ]


async def until_passed(world: World, moment: datetime) -> None:
    """Wait until the platform's time is past a moment."""

    async def passed() -> bool:
        return bool(await world.owner.fetchval("select platform_now() >= $1", moment))

    await until(passed)


async def test_rows_that_come_go_or_move_to_another_tenant_are_changes_of_both(
    world: World, heard: Callable[[], Awaitable[set[str]]]
) -> None:
    agent_id, shop_id, sku_id = world.agent.id, world.shop.id, world.goods.sku_id
    await heard()
    for statement, values, expected in (
        ("insert into price_limits values ($1, $2, 1, null)", [agent_id, sku_id], {agent_id}),
        ("update price_limits set tenant_id = $1", [shop_id], {agent_id, shop_id}),
        ("delete from price_limits where tenant_id = $1", [shop_id], {shop_id}),
    ):
        before = await versions(world)
        await world.owner.execute(statement, *values)
        after = await versions(world)
        assert {owner for owner in after if after[owner] != before[owner]} == expected
        assert await heard() == {str(owner) for owner in expected}
    await world.owner.execute("truncate price_rules")
    assert await heard() == {EVERYBODY}


async def test_what_no_page_shows_moves_nothing(
    world: World, heard: Callable[[], Awaitable[set[str]]]
) -> None:
    customer = await world.customer(wallet_minor=1_000)
    await heard()
    before = await versions(world)
    await world.keys(3)
    await world.owner.execute("update keys set status = 'EXPIRED'")
    await world.owner.execute("update customers set name = 'x' where id = $1", customer.id)
    await world.owner.execute("update price_rules set value = 1 where false")
    await world.owner.execute("delete from price_limits")
    assert await versions(world) == before
    assert await heard() == set()


async def test_a_new_tenant_has_a_version_and_a_bulk_change_is_announced_once(
    world: World, heard: Callable[[], Awaitable[set[str]]]
) -> None:
    newcomer = await world.another_shop("newcomer")
    assert newcomer.id in await versions(world)
    await world.owner.execute(
        """insert into tenants (id, parent_id, path, kind, slug, name, currency)
           select gen_random_uuid(), $1, array[]::uuid[], 'AGENT', 'bulk-' || n, 'bulk', 'CNY'
           from generate_series(1, 101) as n""",
        world.agent.id,
    )
    await heard()
    await world.owner.execute("update tenants set name = 'other' where slug like 'bulk-%'")
    assert await heard() == {EVERYBODY}


async def test_a_change_that_is_rolled_back_moves_nothing_and_is_not_announced(
    world: World, heard: Callable[[], Awaitable[set[str]]]
) -> None:
    await heard()
    before = await versions(world)
    transaction = world.owner.transaction()
    await transaction.start()
    await world.owner.execute("update price_rules set value = value + 1")
    await transaction.rollback()
    assert await versions(world) == before
    assert await heard() == set()


async def test_of_two_changes_at_once_neither_is_lost_whichever_ends_first(
    world: World, config: Settings
) -> None:
    async def change_rules(tenant_id: UUID, times: int) -> None:
        connection = await asyncpg.connect(config.database_url)
        for _ in range(times):
            await connection.execute(
                "update price_rules set value = value + 1 where tenant_id = $1", tenant_id
            )
        await connection.close()

    seen = {await version_of(world, world.shop)}

    async def watch() -> None:
        connection = await asyncpg.connect(config.database_url)
        last = False
        while not last:
            last = done.is_set()
            row = await connection.fetchrow(
                """select (select sum(version)::bigint from catalogue_versions
                           where owner_id = any ($1)) as version,
                          (select sum(value)::bigint from price_rules) as rules""",
                [*world.shop.path, PLATFORM_ID],
            )
            pairs.add((row["version"], row["rules"]))
            looked.set()
        await connection.close()

    pairs: set[tuple[int, int]] = set()
    done, looked = asyncio.Event(), asyncio.Event()
    watching = asyncio.create_task(watch())
    await looked.wait()
    await asyncio.gather(*(change_rules(tenant_id, 30) for tenant_id in world.shop.path))
    done.set()
    await watching
    by_version: dict[int, set[int]] = {}
    for version, rules in pairs:
        by_version.setdefault(version, set()).add(rules)
    assert len(by_version) > 1
    assert all(len(rules) == 1 for rules in by_version.values()), "one version, one catalogue"
    assert await version_of(world, world.shop) not in seen


async def test_the_product_reads_versions_and_writes_none(world: World) -> None:
    for statement in (
        "update catalogue_versions set version = 1",
        "insert into catalogue_versions values (gen_random_uuid(), 1)",
        "delete from catalogue_versions",
        "insert into catalogue_moments values (gen_random_uuid(), now())",
        "delete from catalogue_moments",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(db.every_tenant(reason="a test")):
                await db.execute(statement)
    async with db.transaction(db.core_scope(world.shop.id), read_only=True):
        assert await db.fetch_value("select count(*) from catalogue_versions") == 4
        assert await db.fetch_value("select count(*) from catalogue_moments") == 0
    async with db.transaction(db.core_scope(world.shop.id, path=world.shop.path)):
        before = (await versions(world))[world.shop.id]
        await db.execute("update price_rules set value = 3 where tenant_id = $1", world.shop.id)
    assert (await versions(world))[world.shop.id] > before, "the trigger writes for the core"
