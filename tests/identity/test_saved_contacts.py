"""Texts that a customer need not type again."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from identity.models import SavedContactKind as Kind
from identity.saved_contacts import MAX_SAVED, forget_contact, save_contact, saved_contacts
from kernel.errors import Invalid, NotFound
from kernel.settings import Settings
from world import World, build_world

pytestmark = pytest.mark.engines


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


async def save(world: World, customer_id: UUID, value: str, kind: Kind = Kind.ACCOUNT) -> UUID:
    return await save_contact(
        tenant_id=world.shop.id, customer_id=customer_id, kind=kind, value=value
    )


async def kept(world: World, customer_id: UUID) -> list[str]:
    found = await saved_contacts(tenant_id=world.shop.id, customer_id=customer_id)
    return [one.value for one in found]


async def test_what_was_used_last_comes_first_and_the_same_text_is_kept_once(world: World) -> None:
    customer = await world.customer()
    for minute, value in enumerate(["138 0013 8000", "13800138001", "+86 138 0013 8000"]):
        await world.shift_clock(f"{minute} minutes")
        await save(world, customer.id, value, Kind.PHONE)
    assert await kept(world, customer.id) == ["+8613800138000", "+8613800138001"]
    rows = await world.owner.fetch("select value from saved_contacts")
    assert all(b"138" not in row["value"] for row in rows)


async def test_the_one_that_was_used_longest_ago_makes_room(world: World) -> None:
    customer = await world.customer()
    for number in range(MAX_SAVED + 2):
        await world.shift_clock(f"{number} minutes")
        await save(world, customer.id, f"account {number}")
    names = [f"account {number}" for number in reversed(range(2, MAX_SAVED + 2))]
    assert await kept(world, customer.id) == names


async def test_many_hands_at_once_keep_twenty(world: World) -> None:
    customer = await world.customer()
    await asyncio.gather(*(save(world, customer.id, f"account {n % 30}") for n in range(120)))
    found = await kept(world, customer.id)
    assert len(found) == len(set(found)) == MAX_SAVED


async def test_a_text_is_its_customers_alone(world: World) -> None:
    mine, other = await world.customer(), await world.customer()
    contact_id = await save(world, mine.id, "mine")
    await save(world, other.id, "mine")
    stranger = await world.customer(world.agent)
    for tenant_id, customer_id in (
        (world.shop.id, other.id),
        (world.agent.id, mine.id),
        (world.agent.id, stranger.id),
    ):
        with pytest.raises(NotFound):
            await forget_contact(
                tenant_id=tenant_id, customer_id=customer_id, contact_id=contact_id
            )
    assert await saved_contacts(tenant_id=world.agent.id, customer_id=mine.id) == []
    await forget_contact(tenant_id=world.shop.id, customer_id=mine.id, contact_id=contact_id)
    assert (await kept(world, mine.id), await kept(world, other.id)) == ([], ["mine"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.EMAIL, "nobody"),
        (Kind.PHONE, "12"),
        (Kind.ADDRESS, " "),
        (Kind.ACCOUNT, "a\x07b"),
        (Kind.ACCOUNT, "a" * 201),
    ],
)
async def test_what_is_no_such_text_is_not_kept(world: World, kind: Kind, value: str) -> None:
    customer = await world.customer()
    with pytest.raises(Invalid):
        await save(world, customer.id, value, kind)
    assert await kept(world, customer.id) == []
