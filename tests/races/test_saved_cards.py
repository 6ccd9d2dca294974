"""Kept cards under crowds: one customer at the channel, one card of each number, never too many."""

import asyncio
from uuid import UUID

import pytest

from billing import payment_methods
from billing.payment_methods.base import KeptCard
from billing.saved_cards import cards, channel_customers
from billing.saved_cards.cards import MAX_KEPT
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from races.crowd import all_at_once
from world import Person, World

pytestmark = pytest.mark.engines

CALLERS, NUMBERS = 200, 40


class Channel:
    """Answers the same customer to whoever asks for the same one."""

    def __init__(self) -> None:
        self.asked = 0

    async def make_customer(self, customer_id: UUID) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        return f"cus_{customer_id.hex}"

    async def kept_card(self, provider_ref: str) -> KeptCard | None:
        raise AssertionError

    async def forget_card(self, card_ref: str) -> None:
        raise AssertionError


def a_card(number: int) -> KeptCard:
    """One of forty numbers, kept by a payment of its own."""
    digits = f"{number % NUMBERS:04d}"
    return KeptCard(f"pm_{new_id().hex}", "cus_x", f"Fp{digits}", "visa", digits, 12, 2040)


@pytest.fixture
async def person(world: World, database: Settings) -> Person:
    return await world.customer()


async def test_a_crowd_makes_one_customer_at_the_channel(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel()
    monkeypatch.setitem(payment_methods.CARD_KEEPERS, "CARD", channel)

    async def ask() -> str:
        return await channel_customers.customer_ref(
            tenant_id=world.shop.id, customer_id=person.id, method="CARD", provider="stripe"
        )

    outcome = await all_at_once(ask() for _ in range(CALLERS))
    assert set(outcome.done) == {f"cus_{person.id.hex}"} and not outcome.refused
    assert 1 <= channel.asked <= CALLERS
    assert await world.owner.fetchval("select count(*) from channel_customers") == 1


async def live_cards(world: World) -> list[str]:
    rows = await world.owner.fetch("select last4 from saved_cards where removed_at is null")
    return [row["last4"] for row in rows]


async def keep_many(world: World, person: Person) -> int:
    """Keep many cards at once; how many came to nothing."""

    async def keep(number: int) -> None:
        async with db.transaction(db.core_scope(world.shop.id)):
            await cards.keep(
                a_card(number), tenant_id=world.shop.id, customer_id=person.id, provider="stripe"
            )

    told = await asyncio.gather(*map(keep, range(CALLERS)), return_exceptions=True)
    return sum(1 for one in told if isinstance(one, Exception))


async def test_a_crowd_keeps_one_card_of_each_number_and_never_too_many(
    world: World, person: Person
) -> None:
    assert await keep_many(world, person) == 0
    kept = await live_cards(world)
    assert len(kept) == len(set(kept)) == MAX_KEPT
    rows = await world.owner.fetchval(
        "select count(*) from saved_cards where removed_at is not null and next_detach_at is null"
    )
    assert rows == 0, "what made room is forgotten at the channel, too"


async def test_without_the_customers_lock_there_are_too_many(
    world: World, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive version: everybody makes room first, and then everybody comes in."""
    everybody = asyncio.Barrier(2)
    make_room = cards._make_room

    async def together(*where: object) -> None:
        await make_room(*where)  # type: ignore[arg-type]  # as the caller has given them
        await everybody.wait()

    async def no_lock(statement: str, *values: object) -> int:
        return 0 if "for no key update" in statement else await db_execute(statement, *values)

    db_execute = db.execute
    for number in range(MAX_KEPT - 1):
        async with db.transaction(db.core_scope(world.shop.id)):
            await cards.keep(
                a_card(number), tenant_id=world.shop.id, customer_id=person.id, provider="stripe"
            )
    monkeypatch.setattr(cards, "_make_room", together)
    monkeypatch.setattr(db, "execute", no_lock)

    async def keep(number: int) -> None:
        async with db.transaction(db.core_scope(world.shop.id)):
            await cards.keep(
                a_card(number), tenant_id=world.shop.id, customer_id=person.id, provider="stripe"
            )

    await asyncio.gather(keep(MAX_KEPT - 1), keep(MAX_KEPT))
    assert len(await live_cards(world)) > MAX_KEPT
