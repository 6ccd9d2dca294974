"""A dry run says what the change then does, in every shop, and writes nothing."""

from random import Random
from typing import Any

import pytest

from asked import statements
from desk_rows import a_draft, a_grade, everything_written
from kernel.errors import Invalid
from offers import shelf
from offers.price_desk import rules
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.guarding import GuardBroken
from offers.price_desk.impact import Impact, price_impact
from offers.price_desk.own_rules import read_own_rules
from offers.price_desk.rules import rule_change
from sales import SalesDesk
from tenants.pricing import Audience, ForKind, RuleKind
from world import ShopAt

RETAIL, WHOLESALE = Audience.RETAIL, Audience.WHOLESALE
Prices = dict[str, dict[str, int]]


async def _impact(desk: SalesDesk, at: ShopAt, draft: RuleDraft, **bounds: Any) -> Impact:
    shop = await desk.shop(at)
    before = await read_own_rules(shop)
    return await price_impact(shop, rule_change(shop, before, draft), before, **bounds)


async def _prices(desk: SalesDesk, shops: list[ShopAt]) -> Prices:
    """What every shop asks for every SKU that it shows."""
    sku_ids = [row["id"] for row in await desk.owner.fetch("select id from skus")]
    found: Prices = {}
    for at in shops:
        skus = await shelf.skus_by_id(
            await desk.shop(at), [(one, 1) for one in sku_ids], stock_bound=1
        )
        found[at.slug] = {
            sku.row["code"]: sku.display_offer.unit_price_minor for sku in skus.values()
        }
    return found


def _differences(before: Prices, after: Prices) -> dict[str, int]:
    """How many SKUs have another price, or are hidden on one side, by shop."""
    counts = {
        slug: sum(
            before[slug].get(code) != after[slug].get(code)
            for code in before[slug].keys() | after[slug].keys()
        )
        for slug in before
    }
    return {slug: count for slug, count in counts.items() if count}


async def test_a_dry_run_names_what_would_change_and_writes_nothing(desk: SalesDesk) -> None:
    world = desk.world
    deep = await world.another_shop("deep", below=world.shop)
    written = await everything_written(desk.owner)
    impact = await _impact(desk, world.agent, a_draft(WHOLESALE, RuleKind.FIXED_OVER_COST, 700))
    assert await everything_written(desk.owner) == written
    [move] = impact.moves
    assert (move.shop_slug, move.what, move.before_minor, move.after_minor) == (
        "shop", "COST", 9_000, 9_200,
    )  # fmt: skip
    assert {slug: shop.changed for slug, shop in impact.shops.items()} == {
        "shop": 1, deep.slug: 1,
    }  # fmt: skip
    assert impact.complete


async def test_what_a_change_would_hide_is_counted_with_its_guard(desk: SalesDesk) -> None:
    world = desk.world
    await world.rule(world.shop, "RETAIL", "ABSOLUTE", 9_500, scope="SKU",
                     target_id=world.goods.sku_id)  # fmt: skip
    impact = await _impact(desk, world.agent, a_draft(WHOLESALE, RuleKind.FIXED_OVER_COST, 1_100))
    assert impact.newly_hidden == 1
    assert impact.shops["shop"].guards == {"G3": 1}
    back = await _impact(desk, world.agent, a_draft(WHOLESALE, RuleKind.FIXED_OVER_COST, 0))
    assert (back.newly_hidden, back.shops) == (0, {})


@pytest.mark.parametrize("seed", range(8))
async def test_the_real_change_is_the_dry_run(desk: SalesDesk, seed: int) -> None:
    random, world = Random(seed), desk.world
    sibling = await world.another_shop("sibling")
    deep = await world.another_shop("deep", below=world.shop)
    shops = [world.root, world.agent, world.shop, sibling, deep]
    goods = [world.goods, *[await world.more_goods(f"goods-{n}", supply_minor=5_000 + 977 * n)
                            for n in range(4)]]  # fmt: skip
    grade_id = await a_grade(world, shop_id=world.agent.id)
    await desk.owner.execute("update tenants set grade_id = $2 where id = $1", sibling.id, grade_id)
    await world.rule(world.shop, "RETAIL", "ABSOLUTE", random.randrange(9_000, 12_000),
                     scope="SKU", target_id=world.goods.sku_id)  # fmt: skip
    at = random.choice([world.root, world.agent, world.shop])
    for_whom: dict[str, Any] = {}
    audience = random.choice([RETAIL, WHOLESALE])
    if at is world.agent and audience is WHOLESALE:
        for_whom = random.choice(
            [{}, {"for_kind": ForKind.GRADE, "for_id": grade_id},
             {"for_kind": ForKind.CHILD, "for_id": world.shop.id}]
        )  # fmt: skip
    sku_id = random.choice([None, random.choice(goods).sku_id])
    kind = random.choice([RuleKind.FIXED_OVER_COST, RuleKind.PERCENT_OVER_COST])
    draft = a_draft(audience, kind, random.randrange(300, 3_000), sku_id=sku_id, **for_whom)
    foreseen = await _impact(desk, at, draft)
    before = await _prices(desk, shops)
    try:
        await rules.upsert_rule(await desk.shop(at), draft)
    except GuardBroken:
        return
    counted = {slug: shop.changed for slug, shop in foreseen.shops.items()}
    after = await _prices(desk, shops)
    assert counted == _differences(before, after)
    assert foreseen.newly_hidden == sum(
        len(before[slug].keys() - after[slug].keys()) for slug in before
    )


async def test_a_large_change_is_looked_through_in_several_answers(desk: SalesDesk) -> None:
    world = desk.world
    for number in range(7):
        await world.more_goods(f"goods-{number}")
    await world.another_shop("deep", below=world.shop)
    draft = a_draft(WHOLESALE, RuleKind.FIXED_OVER_COST, 600)
    whole = await _impact(desk, world.root, draft)
    cursor, answers, prices, changed = None, 0, 0, 0
    while True:
        part = await _impact(desk, world.root, draft, max_prices=5, after=cursor)
        assert part.prices <= 5
        answers, prices, changed = answers + 1, prices + part.prices, changed + part.changed
        if part.complete:
            break
        cursor = part.end_cursor
    assert (answers, prices, changed) == (7, whole.prices, whole.changed)
    hurried = await _impact(desk, world.root, draft, max_seconds=0.0)
    assert not hurried.complete
    with pytest.raises(Invalid):
        await _impact(desk, world.agent, draft, after=cursor or "none")


async def test_a_dry_run_asks_the_same_of_the_database_for_few_goods_and_for_many(
    desk: SalesDesk,
) -> None:

    draft, counts = a_draft(WHOLESALE, RuleKind.FIXED_OVER_COST, 600), []
    for number in (1, 30):
        for made in range(number):
            await desk.world.more_goods(f"goods-{number}-{made}")
        await _impact(desk, desk.world.root, draft)  # the books are read once
        with statements() as asked:
            await _impact(desk, desk.world.root, draft)
        counts.append(len(asked))
    assert counts[0] == counts[1]
