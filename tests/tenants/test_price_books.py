"""The rules of a whole path as stored, laid out for the sums, and nobody else's among them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from tenants.directory import current_shop
from tenants.price_books import path_levels
from tenants.pricing import Audience, PathLevel, Rounding, RuleKind
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    """Three levels of shops with the worked example's rules."""
    return await build_world(owner, keys=0)


async def levels(
    world: World, at: ShopAt, sku_ids: Sequence[UUID] = (), *, path: Sequence[UUID] | None = None
) -> tuple[PathLevel, ...]:
    async with db.transaction(db.core_scope(at.id, path=at.path if path is None else path)):
        return await path_levels(await current_shop(at.id), sku_ids=sku_ids)


async def test_every_level_of_the_path_has_its_rules_from_the_root_down(world: World) -> None:
    found = await levels(world, world.shop)
    assert [level.tenant_id for level in found] == list(world.shop.path)
    wholesale = [level.wholesale_rules.default for level in found]
    retail = [level.retail_rules.default for level in found]
    assert [rule and (rule.kind, rule.value) for rule in wholesale] == [
        (RuleKind.FIXED_OVER_COST, 500),
        (RuleKind.FIXED_OVER_COST, 500),
        None,
    ]
    assert [rule and rule.value for rule in retail] == [None, 2_000, 2_000]
    for level, rules in ((0, found[0].wholesale_rules), (2, found[2].retail_rules)):
        rule = rules.default
        assert rule is not None and rule.owner_id == world.shop.path[level]


async def test_rules_keep_their_rounding_scope_and_target(world: World) -> None:
    sku_id, category_id = world.goods.sku_id, world.category_id
    await world.owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value,
                                    rounding, unit_minor)
           values ($1, $2, 'RETAIL', 'SKU', $3, 'ABSOLUTE', 999, 'ENDING_9', 100),
                  ($1, $4, 'RETAIL', 'CATEGORY', $5, 'PERCENT_OVER_COST', 1250, 'UP', 10),
                  ($1, $6, 'WHOLESALE', 'CATEGORY', $5, 'PASS_THROUGH', 0, 'NONE', 1)""",
        world.shop.id,
        new_id(),
        sku_id,
        new_id(),
        category_id,
        new_id(),
    )
    shop = (await levels(world, world.shop, [sku_id]))[-1]
    on_sku = shop.retail_rules.by_sku[sku_id]
    assert (on_sku.kind, on_sku.value, on_sku.rounding, on_sku.unit_minor, on_sku.audience) == (
        RuleKind.ABSOLUTE,
        999,
        Rounding.ENDING_9,
        100,
        Audience.RETAIL,
    )
    on_category = shop.retail_rules.by_category[category_id]
    assert (on_category.kind, on_category.value) == (RuleKind.PERCENT_OVER_COST, 1_250)
    assert shop.wholesale_rules.by_category[category_id].kind is RuleKind.PASS_THROUGH


async def test_only_rules_that_can_touch_the_wanted_skus_are_read(world: World) -> None:
    other = await world.more_goods("other")
    for goods in (world.goods, other):
        await world.rule(
            world.shop, "RETAIL", "ABSOLUTE", 12_000, scope="SKU", target_id=goods.sku_id
        )
    shop = (await levels(world, world.shop, [other.sku_id]))[-1]
    assert set(shop.retail_rules.by_sku) == {other.sku_id}
    assert (await levels(world, world.shop))[-1].retail_rules.by_sku == {}


async def test_rules_of_a_neighbour_or_a_child_are_never_among_them(world: World) -> None:
    neighbour = await world.another_shop("neighbour")
    below = await world.another_shop("below", below=world.shop)
    for shop in (neighbour, below):
        await world.rule(shop, "WHOLESALE", "FIXED_OVER_COST", 1)
        await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 1)
    found = await levels(world, world.shop)
    owners = {
        rule.owner_id
        for level in found
        for rule in (level.wholesale_rules.default, level.retail_rules.default)
        if rule is not None
    }
    assert owners == set(world.shop.path)


async def test_outside_the_transactions_path_no_rule_is_seen(world: World) -> None:
    found = await levels(world, world.shop, path=())
    defaults = [level.wholesale_rules.default for level in found]
    # Its own rows are the tenant's; those above take the path.
    assert defaults == [None, None, None]
    retail = [level.retail_rules.default is None for level in found]
    assert retail == [True, True, False]


async def test_a_page_of_skus_is_one_statement(world: World) -> None:
    goods = [await world.more_goods(f"goods-{number}") for number in range(5)]
    shop_at = world.shop
    async with db.transaction(db.core_scope(shop_at.id, path=shop_at.path)):
        shop = await current_shop(shop_at.id)
        asked: list[str] = []
        token = db.statement_log.set(asked)
        await path_levels(shop, sku_ids=[one.sku_id for one in goods])
        db.statement_log.reset(token)
    assert len(asked) == 1
