"""Refunds, holds, releases and maturity of one party's shares, all at once: no cent moves twice."""

import asyncio
import random
from collections.abc import Awaitable
from uuid import UUID

import asyncpg
import pytest

from entrypoints import sweeps
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from orders import refunds
from orders.earnings import holding, maturing
from races.crowd import all_at_once
from races.mutants import gate_that_opens_for_two
from races.purchases import PRICE_MINOR, quick_buy
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

ORDERS, REQUESTS = 16, 400


async def delivered_orders(shop: Shop, world: World, number: int) -> list[tuple[UUID, str, UUID]]:
    """(order, its number, its only line) of so many sales, all earned a week ago."""
    buyer = await world.customer(wallet_minor=number * PRICE_MINOR)
    await world.keys(number)
    for _ in range(number):
        await quick_buy(shop, world.goods, quantity=1, customer_id=buyer.id, method="WALLET")
    rows = await world.owner.fetch(
        "select orders.id, no, line.id as line_id from orders join order_lines line"
        " on line.order_id = orders.id order by no"
    )
    return [(row["id"], row["no"], row["line_id"]) for row in rows]


async def in_stages(owner: asyncpg.Connection) -> int:
    """What all parties have on hold, in minor units."""
    held: int = await owner.fetchval(
        """select coalesce(-sum(entry.amount_minor), 0)::bigint from ledger_entries entry
           join ledger_accounts account on account.id = entry.account_id
           where account.code = 'L:PARTY:HOLD'"""
    )
    return held


async def test_a_crowd_that_refunds_holds_and_lets_mature_moves_every_cent_once(
    shop: Shop, world: World, config: Settings
) -> None:
    orders = await delivered_orders(shop, world, ORDERS)
    await world.shift_clock("8 days")
    cases = [new_id() for _ in range(ORDERS)]
    chance = random.Random(58)

    async def refund(no: str, line_id: UUID) -> None:
        await refunds.refund_line(
            shop=shop,
            actor="staff:race",
            order_no=no,
            line_id=line_id,
            amount_minor=PRICE_MINOR // chance.choice([1, 3, 8, 8]),
            reason=chance.choice(["SUPPLIER_FAULT", "SHOP_FAULT"]),
            idempotency_key=str(new_id()),
        )

    async def hold(order_id: UUID, case_id: UUID) -> None:
        async with db.transaction(db.core_scope(shop.id)):
            await holding.hold(order_id, None, case_id, "race")

    async def release(case_id: UUID) -> None:
        async with db.transaction(db.core_scope(shop.id)):
            await holding.release(case_id)

    async def sweep() -> None:
        await sweeps.note_earnings()
        await maturing.mature_due(7)

    def somebody() -> Awaitable[None]:
        order_id, no, line_id = chance.choice(orders)
        match chance.randrange(4):
            case 0:
                return refund(no, line_id)
            case 1:
                return hold(order_id, chance.choice(cases))
            case 2:
                return release(chance.choice(cases))
            case _:
                return sweep()

    outcome = await all_at_once([somebody() for _ in range(REQUESTS)])
    assert outcome.errors == []
    assert await verify(config.database_url) == []
    for case_id in cases:
        await release(case_id)
    for _ in range(ORDERS):
        await sweep()
    assert await in_stages(world.owner) == 0
    unfinished = "select count(*) from earnings where matured_at is null"
    assert await world.owner.fetchval(unfinished) == 0
    assert await world.owner.fetchval("select max(ahead_minor) from earnings_ahead") in (0, None)
    assert await verify(config.database_url) == []


async def test_maturity_without_a_lock_is_caught(
    shop: Shop, world: World, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivered_orders(shop, world, 2)
    await sweeps.note_earnings()
    await world.shift_clock("8 days")
    gate = ", lateral (select pg_advisory_xact_lock_shared(4711)) as gate"
    reads = maturing._DUE.replace("for no key update skip locked", "") + gate
    writes = maturing._MATURED.replace("and earnings.matured_at is null", "")
    assert reads != maturing._DUE + gate
    assert writes != maturing._MATURED
    monkeypatch.setattr(maturing, "_DUE", reads)
    monkeypatch.setattr(maturing, "_MATURED", writes)
    async with gate_that_opens_for_two():
        await asyncio.gather(*(maturing.mature_due(10) for _ in range(2)))
    assert {breach.invariant for breach in await verify(config.database_url)} >= {"I3", "I22"}
