"""Two changes of prices that are each right and wrong together: never both are written."""

from collections.abc import Awaitable, Callable

import pytest

from kernel.settings import Settings
from offers.price_desk import rules, writing
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.ranges import RangeDraft, set_range
from races.crowd import Outcome, all_at_once
from tenants.directory import Shop
from tenants.pricing import Audience, RuleKind, Scope
from world import World

pytestmark = pytest.mark.engines

CALLERS = 200
LOW, HIGH = 9_600, 10_800
"""A price below the floor and the floor: either alone is right, beside a price of 11,000."""


async def rush(shop: Shop, world: World) -> Outcome[object]:
    """Half of a crowd sets a floor, the other half a price below it."""

    def a_price() -> Awaitable[object]:
        draft = RuleDraft(
            audience=Audience.RETAIL,
            scope=Scope.SKU,
            target_id=world.goods.sku_id,
            kind=RuleKind.ABSOLUTE,
            value=LOW,
        )
        return rules.upsert_rule(shop, draft)

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


async def test_without_the_version_both_are_written(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_look_again(shop: Shop, version: int) -> None:
        pass

    monkeypatch.setattr(writing, "require_version", never_look_again)
    assert f"a price of {LOW} beside a floor of {HIGH}" in await faults_of(
        await rush(shop, world), world
    )
