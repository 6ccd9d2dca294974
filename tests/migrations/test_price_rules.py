"""The database refuses a price rule for somebody else's people, or for a seat that is taken."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from kernel.ids import new_id
from kernel.settings import Settings
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines

FOREIGN = asyncpg.ForeignKeyViolationError
CHECK = asyncpg.CheckViolationError
TAKEN = (asyncpg.ExclusionViolationError, asyncpg.UniqueViolationError)


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    """Three levels of shops with their rules."""
    return await build_world(owner, keys=0)


async def refused(world: World, shop: ShopAt, error: Any, **seat: Any) -> None:
    """A rule is refused with this error, and nothing is written."""
    before = await world.owner.fetchval("select count(*) from price_rules")
    with pytest.raises(error):
        await world.asks(shop, 9_999, **seat)
    assert await world.owner.fetchval("select count(*) from price_rules") == before


async def whom(world: World, at: ShopAt) -> dict[str, UUID]:
    """Somebody of each kind who belongs to a shop."""
    return {
        "GRADE": await world.grade(at),
        "TIER": await world.tier(at),
        "CUSTOMER": (await world.customer(at)).id,
        "PROMOTION": await world.promotion(at),
        "CHILD": (await world.another_shop(f"below-{at.slug}", below=at)).id,
    }


AUDIENCES = {"GRADE": "WHOLESALE", "CHILD": "WHOLESALE"}


@pytest.mark.parametrize("for_kind", ["GRADE", "TIER", "CUSTOMER", "PROMOTION", "CHILD"])
async def test_a_rule_names_the_owners_own_people_and_nobody_elses(
    world: World, for_kind: str
) -> None:
    ours, theirs = await whom(world, world.shop), await whom(world, world.agent)
    seat = {"audience": AUDIENCES.get(for_kind, "RETAIL"), "for_kind": for_kind}
    await world.asks(world.shop, 9_999, **seat, for_id=ours[for_kind])
    await refused(world, world.shop, FOREIGN, **seat, for_id=theirs[for_kind])
    await refused(world, world.shop, FOREIGN, **seat, for_id=new_id())
    await refused(world, world.shop, CHECK, **seat)
    other_audience = {"WHOLESALE": "RETAIL", "RETAIL": "WHOLESALE"}[seat["audience"]]
    await refused(
        world,
        world.shop,
        CHECK,
        audience=other_audience,
        for_kind=for_kind,
        for_id=ours[for_kind],
    )


async def test_a_grandchild_is_no_child_and_a_tenant_is_not_its_own(world: World) -> None:
    seat = {"audience": "WHOLESALE", "for_kind": "CHILD"}
    await world.asks(world.root, 9_999, **seat, for_id=world.agent.id)
    for nobody in (world.shop.id, world.root.id):
        await refused(world, world.root, FOREIGN, **seat, for_id=nobody)


async def test_what_is_for_everyone_names_nobody(world: World) -> None:
    await refused(world, world.shop, CHECK, for_id=(await world.customer()).id)


async def test_a_tenants_grade_is_its_parents_and_a_customers_tier_its_shops(
    world: World,
) -> None:
    by_parent, by_root = await world.grade(world.agent), await world.grade(world.root)
    give = "update tenants set grade_id = $1 where id = $2"
    await world.owner.execute(give, by_parent, world.shop.id)
    for at, grade in ((world.shop, by_root), (world.shop, new_id()), (world.agent, by_parent)):
        with pytest.raises(FOREIGN):
            await world.owner.execute(give, grade, at.id)
    with pytest.raises(CHECK):
        await world.owner.execute(give, by_root, world.root.id)
    assert (
        await world.owner.fetchval("select count(*) from tenants where grade_id is not null") == 1
    )
    customer, ours = await world.customer(), await world.tier(world.shop)
    theirs = await world.tier(world.agent)
    move = "update customers set given_tier_id = $1 where id = $2"
    await world.owner.execute(move, ours, customer.id)
    with pytest.raises(FOREIGN):
        await world.owner.execute(move, theirs, customer.id)
    assert await world.owner.fetchval("select tier_id from customers") == ours


async def test_what_bounds_the_tree_stands_at_its_root_alone(world: World) -> None:
    for column in ("cumulative_cap_bp", "earning_depth"):
        await world.owner.execute(f"update tenants set {column} = 1 where parent_id is null")
        with pytest.raises(CHECK):
            await world.owner.execute(f"update tenants set {column} = 1")


@pytest.mark.parametrize(
    "seat",
    [
        {"scope": "DEFAULT", "target_id": None, "kind": "FIXED_OVER_COST", "min_quantity": 2},
        {"min_quantity": 0},
        {"kind": "PERCENT_OF_FACE", "value": 0},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(world: World, seat: dict[str, Any]) -> None:
    await refused(world, world.shop, CHECK, **seat)


async def test_a_promotions_rules_are_on_skus_and_have_no_window_of_their_own(
    world: World,
) -> None:
    seat = {"for_kind": "PROMOTION", "for_id": await world.promotion(world.shop)}
    now = await world.owner.fetchval("select now()")
    await refused(world, world.shop, CHECK, **seat, starts_at=now)
    await refused(world, world.shop, CHECK, **seat, ends_at=now)
    await refused(
        world,
        world.shop,
        CHECK,
        **seat,
        scope="CATEGORY",
        target_id=world.category_id,
        kind="FIXED_OVER_COST",
    )


async def test_a_window_ends_after_it_starts_and_two_of_one_seat_do_not_overlap(
    world: World,
) -> None:
    day = [
        await world.owner.fetchval("select date_trunc('day', now()) + $1 * interval '1 day'", n)
        for n in range(5)
    ]
    await refused(world, world.shop, CHECK, starts_at=day[1], ends_at=day[1])
    await refused(world, world.shop, CHECK, starts_at=day[2], ends_at=day[1])
    await world.asks(world.shop, 9_999, starts_at=day[1], ends_at=day[3])
    for starts_at, ends_at in (
        (None, None),
        (day[1], day[3]),
        (day[1], None),
        (None, day[2]),
        (day[2], day[4]),
        (day[0], day[4]),
    ):
        await refused(world, world.shop, TAKEN, starts_at=starts_at, ends_at=ends_at)
    await world.asks(world.shop, 9_998, ends_at=day[1])
    await world.asks(world.shop, 9_997, starts_at=day[3])


async def test_other_people_goods_and_numbers_of_pieces_are_other_seats(world: World) -> None:
    ours = await whom(world, world.shop)
    more = await world.more_goods("more")
    seats: list[dict[str, Any]] = [
        {},
        {"min_quantity": 2},
        {"target_id": more.sku_id},
        {"for_kind": "TIER", "for_id": ours["TIER"]},
        {"for_kind": "TIER", "for_id": await world.tier(world.shop, "silver", rank=2)},
        {"for_kind": "PROMOTION", "for_id": ours["PROMOTION"]},
        {"audience": "WHOLESALE"},
    ]
    for seat in seats:
        await world.asks(world.shop, 9_999, **seat)
        await refused(world, world.shop, TAKEN, **seat)
    await world.asks(world.agent, 9_999)
