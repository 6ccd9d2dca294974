"""Payments that nobody reports: who is asked again, and what the end of asking ends."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from billing import accounts, ledger
from billing.payments import POLL_AFTER_SECONDS, Payment
from billing.polling import claim_due
from kernel import db, valkey
from kernel.settings import Settings
from orders import channel_calls, topping_up
from sales import SalesDesk, channels_in_memory, key
from world import Person, build_world

pytestmark = pytest.mark.engines

WALLET_MINOR = 5_000


@pytest.fixture
async def desk(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[SalesDesk]:
    """A desk in the world of the worked example."""
    world = await build_world(owner, keys=5)
    with channels_in_memory() as channels:
        yield SalesDesk(world, channels)
    await valkey.close()


async def _use_up_the_polls(desk: SalesDesk, payment_id: UUID) -> None:
    await desk.owner.execute(
        "update payments set polls = $2, next_poll_at = platform_now() where id = $1",
        payment_id,
        len(POLL_AFTER_SECONDS),
    )


async def _claimed() -> list[UUID]:
    async with db.transaction(db.core_scope()):
        return [payment.id for payment in await claim_due(20)]


async def _payment(desk: SalesDesk, payment_id: UUID) -> asyncpg.Record:
    return await desk.owner.fetchrow(
        "select status, polls, next_poll_at, ended_at from payments where id = $1", payment_id
    )


async def _wallet(customer: Person) -> tuple[int, int]:
    """What is free and what is held, in minor units."""
    async with db.transaction(db.core_scope(), read_only=True):
        return (
            await ledger.balance(accounts.wallet(customer.id, "CNY")),
            await ledger.balance(accounts.wallet_held(customer.id, "CNY")),
        )


async def test_after_the_last_poll_an_orders_payment_ends_with_its_order_and_frees_the_wallet(
    desk: SalesDesk,
) -> None:
    customer = await desk.world.customer(wallet_minor=WALLET_MINOR)
    purchase = await desk.order(by=customer)
    payment_id = await purchase.start(wallet_minor=WALLET_MINOR)
    assert await _wallet(customer) == (0, WALLET_MINOR)

    await _use_up_the_polls(desk, payment_id)
    assert await _claimed() == []
    silent = await _payment(desk, payment_id)
    assert (silent["status"], silent["next_poll_at"], silent["ended_at"]) == ("PENDING", None, None)
    assert await _wallet(customer) == (0, WALLET_MINOR)

    await desk.world.shift_clock("16 minutes")
    await desk.sweep()
    assert (await _payment(desk, payment_id))["status"] == "EXPIRED"
    assert await purchase.status() == "EXPIRED"
    assert await _wallet(customer) == (WALLET_MINOR, 0)
    assert await desk.key_states() == {"AVAILABLE": 5}
    await desk.assert_sound()


async def test_after_the_last_poll_a_top_up_has_ended(desk: SalesDesk) -> None:
    customer = await desk.world.customer()
    started = await topping_up.top_up(
        shop=await desk.shop(),
        customer_id=customer.id,
        amount_minor=1_000,
        method="CARD",
        return_url="http://shop.localhost/",
        idempotency_key=key(),
    )
    await _use_up_the_polls(desk, started.payment_id)
    assert await _claimed() == []
    silent = await _payment(desk, started.payment_id)
    assert (silent["status"], silent["next_poll_at"]) == ("EXPIRED", None)
    assert silent["ended_at"] is not None
    assert await _wallet(customer) == (0, 0)
    await desk.assert_sound()


async def test_a_payment_that_cannot_be_asked_about_keeps_its_poll_and_stops_no_other(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_ids = [await (await desk.order()).start() for _ in range(3)]
    bad, *good = payment_ids
    asked: list[UUID] = []

    async def look(payment: Payment) -> None:
        asked.append(payment.id)
        if payment.id == bad:
            raise RuntimeError("a row that nobody has thought of")

    monkeypatch.setattr(channel_calls, "look", look)
    await desk.owner.execute("update payments set next_poll_at = platform_now()")
    await desk.ask_channels()

    assert sorted(asked) == sorted(payment_ids)
    assert (await _payment(desk, bad))["polls"] == 0
    assert [(await _payment(desk, payment_id))["polls"] for payment_id in good] == [1, 1]
    again_at: bool = await desk.owner.fetchval(
        """select next_poll_at between platform_now() + interval '20 seconds'
                                   and platform_now() + interval '30 seconds'
           from payments where id = $1""",
        bad,
    )
    assert again_at
    await desk.assert_sound()
