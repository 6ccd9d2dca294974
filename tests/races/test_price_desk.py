"""Two changes of prices that are each right and wrong together: never both are written."""

from collections.abc import Awaitable, Callable

import pytest

from kernel import db
from kernel.errors import Refusal
from kernel.settings import Settings
from offers import shelf
from offers.price_desk import rules, writing
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.ranges import RangeDraft, set_range
from races.crowd import Outcome, all_at_once
from tenants.directory import Shop, current_shop
from tenants.pricing import Audience, RuleKind, Scope
from world import World

pytestmark = pytest.mark.engines

CALLERS = 200
LOW, HIGH = 9_600, 10_800
"""A price below the floor and the floor: either alone is right, beside a price of 11,000."""


async def rush(shop: Shop, world: World) -> Outcome[object]:
    """Half of a crowd sets a floor, the other half a price below it."""

    def a_price() -> Awaitable[object]:
        return rules.upsert_rule(shop, _of_the_goods(world, Audience.RETAIL, LOW))

    def a_floor() -> Awaitable[object]:
        return set_range(shop, RangeDraft(sku_id=world.goods.sku_id, floor_minor=HIGH))

    calls: list[Callable[[], Awaitable[object]]] = [a_price, a_floor]
    return await all_at_once(calls[number % 2]() for number in range(CALLERS))


async def faults_of(outcome: Outcome[object], world: World) -> list[str]:
    """What is wrong after the rush; an empty list is good news."""
    found = [repr(error) for error in outcome.errors[:3]]
    price = await world.owner.fetchval("select value from price_rules where value = $1", LOW)
    floor = await world.owner.fetchval("select floor_minor from price_limits")
    if (price is None) == (floor is None):
        found.append(f"a price of {price} beside a floor of {floor}")
    if not outcome.done:
        found.append("nobody wrote anything")
    if set(outcome.refused) - {"PRICE_FLOOR_VIOLATION", "PRICE_CHANGED"}:
        found.append(f"refused: {outcome.refused}")
    return found


async def test_of_a_price_and_a_floor_above_it_one_is_written(
    shop: Shop, world: World, database: Settings
) -> None:
    assert await faults_of(await rush(shop, world), world) == []


async def test_a_shop_and_its_parent_at_once_leave_nothing_for_sale_below_cost(
    shop: Shop, world: World, database: Settings
) -> None:
    """Each is right when it is tried; together they may be wrong, and then nothing is sold."""
    async with db.transaction(db.core_scope(), read_only=True):
        agent = await current_shop(world.agent.id)

    def a_dearer_purchase(number: int) -> Awaitable[object]:
        return rules.upsert_rule(agent, _of_the_goods(world, Audience.WHOLESALE, 9_000 + number))

    def a_cheaper_sale(number: int) -> Awaitable[object]:
        return rules.upsert_rule(shop, _of_the_goods(world, Audience.RETAIL, 9_900 - number))

    outcome = await all_at_once(
        call(number) for number in range(0, 800, 8) for call in (a_dearer_purchase, a_cheaper_sale)
    )
    assert outcome.errors == []
    assert len(outcome.done) > 1
    line = (world.goods.sku_id, 1)
    for _, sku in (await shelf.skus_by_id(shop, [line], stock_bound=1)).items():
        assert sku.display_offer.unit_price_minor > sku.sourcing[sku.display_offer.id].costs[-1]
    for number in range(2):  # whatever stands, one more that is wrong is refused
        with pytest.raises(Refusal):
            await rules.upsert_rule(shop, _of_the_goods(world, Audience.RETAIL, 8_000 + number))


def _of_the_goods(world: World, audience: Audience, value: int) -> RuleDraft:
    return RuleDraft(
        audience=audience,
        scope=Scope.SKU,
        target_id=world.goods.sku_id,
        kind=RuleKind.ABSOLUTE,
        value=value,
    )


async def test_without_the_version_both_are_written(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_look_again(shop: Shop, version: int) -> None:
        pass

    monkeypatch.setattr(writing, "require_version", never_look_again)
    assert f"a price of {LOW} beside a floor of {HIGH}" in await faults_of(
        await rush(shop, world), world
    )
