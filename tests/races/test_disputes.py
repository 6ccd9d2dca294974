"""A bank takes money back while the same money is refunded and matures: it is paid back once."""

import asyncio
import random
from collections.abc import Awaitable
from uuid import UUID

import pytest

from billing.payment_methods.disputes import DisputeState
from dispute_desk import Bank, disputed
from entrypoints import sweeps
from entrypoints.verify import verify
from kernel.errors import Refusal
from kernel.ids import new_id
from kernel.settings import Settings
from orders import refund_writing, refunds
from orders.disputes.hearing import hear
from races.crowd import all_at_once
from races.purchases import PRICE_MINOR
from sales import SalesDesk, channels_in_memory
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

ORDERS, REQUESTS = 8, 240


async def _sold(desk: SalesDesk, number: int) -> list[tuple[str, UUID, Bank]]:
    """(order's number, its line, its bank) of so many sales by card."""
    await desk.world.keys(number)
    found = []
    for _ in range(number):
        purchase = await (await desk.order()).paid()
        payment = await desk.owner.fetchrow(
            "select provider_ref, channel_minor from payments where order_id = $1", purchase.id
        )
        bank = disputed(payment["provider_ref"], payment["channel_minor"])
        found.append((purchase.no, (await purchase.line()).id, bank))
    return found


async def test_a_crowd_that_disputes_refunds_and_lets_mature_pays_every_cent_back_once(
    shop: Shop, world: World, config: Settings
) -> None:
    with channels_in_memory() as channels:
        desk = SalesDesk(world, channels)
        sales = await _sold(desk, ORDERS)
        await world.shift_clock("8 days")
        chance = random.Random(60)

        async def refund(no: str, line_id: UUID) -> None:
            await refunds.refund_line(
                shop=shop,
                actor="staff:race",
                order_no=no,
                line_id=line_id,
                amount_minor=PRICE_MINOR // chance.choice([1, 3, 8]),
                reason="SUPPLIER_FAULT",
                idempotency_key=str(new_id()),
            )

        async def say(bank: Bank, number: int) -> None:
            end: DisputeState = "LOST" if number % 2 else "WON"
            words: list[DisputeState] = ["NEEDS_RESPONSE", "NEEDS_RESPONSE", end]
            word = chance.choice(words)
            await hear(bank.report(word, reinstated=word == "WON"))

        async def sweep() -> None:
            await chance.choice(
                [sweeps.note_earnings, sweeps.mature_earnings, sweeps.send_refunds]
            )()

        calls: list[Awaitable[object]] = []
        for request in range(REQUESTS):
            number = request % ORDERS
            no, line_id, bank = sales[number]
            act = chance.choice(["refund", "say", "say", "sweep"])
            if act == "refund":
                calls.append(refund(no, line_id))
            else:
                calls.append(say(bank, number) if act == "say" else sweep())
        outcome = await all_at_once(calls)
        assert outcome.errors == []
        for number, (_, _, bank) in enumerate(sales):
            lost = number % 2 == 1
            await hear(bank.report("LOST" if lost else "WON", reinstated=not lost))
        await desk.send_refunds()
        paid_back = await world.owner.fetch(
            """select payment.channel_minor, sum(refund.channel_minor)::bigint as back_minor
               from payments payment join refunds refund on refund.payment_id = payment.id
               group by payment.id"""
        )
        assert all(row["back_minor"] <= row["channel_minor"] for row in paid_back)
        assert await verify(config.database_url) == []


async def test_without_the_guard_the_database_itself_refuses_to_pay_twice(
    shop: Shop, world: World, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_asks(order_id: object, *, field: str = "") -> None:
        await asyncio.sleep(0)

    with channels_in_memory() as channels:
        desk = SalesDesk(world, channels)
        ((no, line_id, bank),) = await _sold(desk, 1)
        await bank.opens()
        monkeypatch.setattr(refund_writing, "refuse_while_disputed", nobody_asks)
        outcome = await all_at_once(
            refunds.refund_line(
                shop=shop,
                actor="staff:race",
                order_no=no,
                line_id=line_id,
                amount_minor=PRICE_MINOR,
                reason="SUPPLIER_FAULT",
                idempotency_key=str(new_id()),
            )
            for _ in range(8)
        )
        assert outcome.done == []
        assert not any(isinstance(error, Refusal) for error in outcome.errors)
        names = {getattr(error, "constraint_name", None) for error in outcome.errors}
        assert names == {"payments_given_back_check"}
        assert await world.owner.fetchval("select count(*) from refunds") == 0
        assert await verify(config.database_url) == []
