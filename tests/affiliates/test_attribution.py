"""Who is thanked for an order: the affiliate behind the code, if there is one, and nobody else."""

from uuid import UUID

import asyncpg
import pytest

from affiliates.attribution import Attribution, Brought, attribution, thanks_of
from affiliates.queries import affiliate_by_id, earned_shares
from kernel import db
from kernel.settings import Settings
from world import ShopAt, World, build_world

pytestmark = pytest.mark.engines


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


async def thanked(
    world: World, code: str | None, *, customer_id: UUID | None = None, at: ShopAt | None = None
) -> Attribution | None:
    shop = at or world.shop
    scope = db.core_scope(shop.id, path=shop.path)
    alone = await attribution(Brought(code), customer_id=customer_id, scope=scope)
    async with db.transaction(scope):
        assert alone == await attribution(Brought(code), customer_id=customer_id, scope=scope)
    return thanks_of(alone)


def told(found: Attribution | None) -> tuple[UUID, int] | None:
    """Who is thanked, and at which rate."""
    return (found.affiliate_id, found.verdict.candidate.rate.bp) if found else None


async def test_a_code_is_known_however_it_is_typed_and_an_unknown_one_stops_nothing(
    world: World,
) -> None:
    star = await world.affiliate("star", rate_bp=300)
    for code in ("star", "STAR", " Star\n"):
        assert told(await thanked(world, code)) == (star.id, 300)
    for nobody in (None, "", " ", "stars", "x" * 1_000, "star'; drop table keys; --", "\x00星"):
        assert await thanked(world, nobody) is None


async def test_a_code_is_good_in_its_own_shop_only(world: World) -> None:
    neighbour = await world.another_shop("neighbour")
    ours = await world.affiliate("star", rate_bp=300)
    theirs = await world.affiliate("star", rate_bp=100, shop=neighbour)
    await world.affiliate("moon", shop=neighbour)
    assert told(await thanked(world, "star")) == (ours.id, 300)
    assert told(await thanked(world, "star", at=neighbour)) == (theirs.id, 100)
    assert await thanked(world, "moon") is None
    assert await thanked(world, "star", at=world.agent) is None


async def test_nobody_is_thanked_for_an_order_of_their_own(world: World) -> None:
    star = await world.affiliate("star")
    buyer, other = await world.customer(), await world.customer()
    await world.owner.execute("update affiliates set customer_id = $1", buyer.id)
    assert await thanked(world, "star", customer_id=buyer.id) is None
    for customer_id in (other.id, None):
        found = await thanked(world, "star", customer_id=customer_id)
        assert found is not None and found.affiliate_id == star.id


async def test_a_suspended_affiliate_a_closed_program_and_a_rate_of_nothing_thank_nobody(
    world: World,
) -> None:
    await world.affiliate("star")
    assert await thanked(world, "star") is not None
    for change, back in (
        ("update affiliates set status = 'SUSPENDED'", "update affiliates set status = 'ACTIVE'"),
        (
            "update affiliate_programs set status = 'CLOSED'",
            "update affiliate_programs set status = 'ACTIVE'",
        ),
        ("update affiliate_programs set rate_bp = 0", "update affiliate_programs set rate_bp = 1"),
    ):
        await world.owner.execute(change)
        assert await thanked(world, "star") is None, change
        await world.owner.execute(back)
        assert await thanked(world, "star") is not None


async def test_an_affiliate_is_shown_by_its_own_shop_only(world: World) -> None:
    star = await world.affiliate("star", rate_bp=300)
    async with db.transaction(db.core_scope(world.shop.id)):
        row = await affiliate_by_id(star.id)
        assert row is not None
        assert (row["code"], row["name"], row["rate_bp"]) == ("star", "affiliate", 300)
    async with db.transaction(db.core_scope(world.agent.id)):
        assert await affiliate_by_id(star.id) is None
    async with db.transaction(db.shop_scope(world.shop.id, party_id=star.id), read_only=True):
        assert await earned_shares(star.id) == []
