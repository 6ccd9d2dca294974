"""The rules of a whole path as stored, laid out for the sums, kept while true, nobody else's."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest

from asked import statements
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from tenants import price_books
from tenants.directory import Shop, current_shop
from tenants.path_terms import PathTerms
from tenants.price_books import TenantBook, path_books
from tenants.pricing import (
    Audience,
    PathLevel,
    PriceRule,
    Rounding,
    RuleBook,
    RuleKind,
    Scope,
)
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines

PLATFORM_ID = UUID(int=0)
"""`platform_id()`: owns what is in every shop's catalogue; the last one in a path's versions."""


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    """Three levels of shops with the worked example's rules."""
    return await build_world(owner, keys=0)


async def shop_of(at: ShopAt) -> Shop:
    async with db.transaction(db.core_scope(at.id)):
        return await current_shop(at.id)


async def versions(world: World, at: ShopAt) -> list[int]:
    """The versions of the path and of the platform, now."""
    rows = await world.owner.fetch("select owner_id, version from catalogue_versions")
    known = {row["owner_id"]: row["version"] for row in rows}
    return [known[owner_id] for owner_id in (*at.path, PLATFORM_ID)]


async def books(world: World, at: ShopAt) -> tuple[TenantBook, ...]:
    found = await path_books(await shop_of(at), await versions(world, at))
    assert found is not None
    return found


async def levels(world: World, at: ShopAt) -> tuple[PathLevel, ...]:
    return PathTerms(await books(world, at)).levels


def rules_of(book: RuleBook) -> dict[tuple[Scope, UUID | None], PriceRule]:
    """A book's rules by what they cover."""
    return {
        (rule.scope, rule.target_id): rule
        for layer in {layer for _, layer in book.steps}
        for seats in (layer.by_sku, layer.by_category, {None: layer.default})
        for rules in seats.values()
        for rule in rules
    }


def default_of(book: RuleBook) -> PriceRule | None:
    return rules_of(book).get((Scope.DEFAULT, None))


async def test_every_level_of_the_path_has_its_rules_from_the_root_down(world: World) -> None:
    found = await levels(world, world.shop)
    assert [level.tenant_id for level in found] == list(world.shop.path)
    wholesale = [default_of(level.wholesale_rules) for level in found]
    retail = [default_of(level.retail_rules) for level in found]
    assert [rule and (rule.kind, rule.value) for rule in wholesale] == [
        (RuleKind.FIXED_OVER_COST, 500),
        (RuleKind.FIXED_OVER_COST, 500),
        None,
    ]
    assert [rule and rule.value for rule in retail] == [None, 2_000, 2_000]
    for level, rules in ((0, found[0].wholesale_rules), (2, found[2].retail_rules)):
        rule = default_of(rules)
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
    shop = (await levels(world, world.shop))[-1]
    retail = rules_of(shop.retail_rules)
    on_sku = retail[Scope.SKU, sku_id]
    assert (on_sku.kind, on_sku.value, on_sku.rounding, on_sku.unit_minor, on_sku.audience) == (
        RuleKind.ABSOLUTE,
        999,
        Rounding.ENDING_9,
        100,
        Audience.RETAIL,
    )
    on_category = retail[Scope.CATEGORY, category_id]
    assert (on_category.kind, on_category.value) == (RuleKind.PERCENT_OVER_COST, 1_250)
    below = await world.another_shop("below", below=world.shop)
    wholesale = rules_of((await levels(world, below))[-2].wholesale_rules)
    assert wholesale[Scope.CATEGORY, category_id].kind is RuleKind.PASS_THROUGH


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
        for rule in (default_of(level.wholesale_rules), default_of(level.retail_rules))
        if rule is not None
    }
    assert owners == set(world.shop.path)


async def test_each_book_has_the_limits_and_the_methods_of_its_tenant(world: World) -> None:
    await world.owner.execute(
        """update tenants set min_margin_minor = 7, max_markup_bp = 900,
                  payment_methods = array['WALLET'] where id = $1""",
        world.agent.id,
    )
    found = await books(world, world.shop)
    assert [(book.min_margin_minor, book.max_markup_bp) for book in found] == [
        (0, None),
        (7, 900),
        (0, None),
    ]
    assert found[1].payment_methods == ("WALLET",) != found[2].payment_methods


async def test_books_are_read_once_and_a_changed_one_alone_is_read_anew(world: World) -> None:
    shop, beside = await shop_of(world.shop), await world.another_shop("beside")
    neighbour = await shop_of(beside)
    with statements() as asked:
        first = await path_books(shop, await versions(world, world.shop))
        again = await path_books(shop, await versions(world, world.shop))
        assert first is not None and again is not None
        assert len(asked) == 1 and all(a is b for a, b in zip(first, again, strict=True))
        theirs = await path_books(neighbour, await versions(world, beside))
        assert theirs is not None and len(asked) == 2
        assert theirs[0] is first[0] and theirs[1] is first[1], "shops of one agent share its book"
        await world.rule(world.agent, "WHOLESALE", "FIXED_OVER_COST", 600)
        changed = await path_books(shop, await versions(world, world.shop))
        assert changed is not None and len(asked) == 3
    assert changed[0] is first[0] and changed[2] is first[2]
    default = default_of(PathTerms(changed).levels[1].wholesale_rules)
    assert default is not None and default.value == 600


async def test_no_book_is_older_or_newer_than_what_it_prices(world: World) -> None:
    shop = await shop_of(world.shop)
    before = await versions(world, world.shop)
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 3_000)
    after = await versions(world, world.shop)
    assert await path_books(shop, before) is None, "read after the change: not what was before it"
    assert await path_books(shop, after) is not None
    assert await path_books(shop, before) is None, "a book that is too new is no use either"


async def test_a_database_that_was_restored_to_an_earlier_day_is_believed(world: World) -> None:
    shop = await shop_of(world.shop)
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 3_000)
    assert await path_books(shop, await versions(world, world.shop)) is not None
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 2_000)
    await world.owner.execute(
        "update catalogue_versions set version = 1 where owner_id = $1", world.shop.id
    )
    books = await path_books(shop, await versions(world, world.shop))
    assert books is not None
    default = default_of(PathTerms(books).levels[-1].retail_rules)
    assert default is not None and default.value == 2_000


async def test_many_who_miss_a_book_at_once_read_it_once(world: World) -> None:
    shop, now = await shop_of(world.shop), await versions(world, world.shop)
    with statements() as asked:
        found = await asyncio.gather(*(path_books(shop, now) for _ in range(20)))
    assert len(asked) == 1
    assert all(one == found[0] for one in found)


async def test_a_sale_reads_the_books_on_its_own_connection(world: World) -> None:
    shop, now = await shop_of(world.shop), await versions(world, world.shop)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        found = await path_books(shop, now)
        assert found is not None and len(found) == 3


async def test_a_scope_that_does_not_see_the_whole_path_leaves_no_empty_books(
    world: World,
) -> None:
    shop, now = await shop_of(world.shop), await versions(world, world.shop)
    scopes: Sequence[db.Scope] = (
        db.core_scope(shop.id),
        db.core_scope(shop.id, path=shop.path[1:]),
        db.every_tenant(reason="a test"),
    )
    for scope in scopes:
        async with db.transaction(scope):
            with pytest.raises(db.NestedTransaction):
                await path_books(shop, now)
    found = await levels(world, world.shop)
    assert [default_of(level.retail_rules) is None for level in found] == [True, False, False]


async def test_the_memory_lets_go_of_what_was_not_asked_for_longest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_books.forget()
    monkeypatch.setattr(price_books, "MAX_RULES_KEPT", 4)
    beside = await world.another_shop("beside")
    tenants: set[UUID] = set()
    for at in (world.shop, beside, world.shop, world.agent, beside):
        assert len(await books(world, at)) == len(at.path)
        tenants |= set(at.path)
        kept = price_books._kept._books
        assert sum(book.rules for book in kept.values()) == price_books._kept._rules <= 4
        assert at.id in kept, "who was asked for last stays"
    assert len(tenants) == 4 and len(kept) < 4
