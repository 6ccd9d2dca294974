"""A crowd of operators decides an item once, and a crowd of workers runs a day once."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from billing import ledger
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from races.crowd import all_at_once
from races.purchases import PRICE_MINOR, quick_buy
from reconciliation import items, resolving, runs, statements, turns
from reconciliation.items import Item
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

CROWD = 200
SALES = 5


@pytest.fixture
async def fee_item(owner: asyncpg.Connection, database: Settings) -> AsyncIterator[UUID]:
    """The channel has kept 3.49, and 0.66 were booked."""
    item_id = new_id()
    await owner.execute(
        """insert into reconciliation_runs (day, step, seen_until, asked_by, ended_at)
           values ('2026-01-04', 'DONE', now(), 'worker', now())"""
    )
    await owner.execute(
        """insert into reconciliation_items
               (id, day, last_day, book, reference, kind, fix, category, currency, our_count,
                their_count, our_minor, their_minor, our_fee_minor, their_fee_minor,
                difference_minor)
           values ($1, '2026-01-04', '2026-01-04', 'STRIPE', 'pi_1', 'FEE', 'ADJUST_FEE',
                   'PAYMENT', 'CNY', 1, 1, 11000, 11000, 66, 349, 283)""",
        item_id,
    )
    yield item_id


async def adjusted_minor(owner: asyncpg.Connection) -> int:
    moved: int = await owner.fetchval(
        """select coalesce(sum(amount_minor), 0)::bigint from ledger_entries entry
           join ledger_accounts account on account.id = entry.account_id
           where account.code = 'E:GATEWAY_FEE'"""
    )
    return moved


async def decided_by_a_crowd(item_id: UUID) -> int:
    """How many were told that the item is resolved."""
    outcome = await all_at_once(
        resolving.resolve(item_id, decision="SUGGESTED_FIX", actor=f"operator:{n}", reason="")
        for n in range(CROWD)
    )
    assert outcome.errors == []
    assert all(item.state == "RESOLVED" for item in outcome.done)
    return len(outcome.done)


async def test_a_fee_is_adjusted_once_however_many_decide(
    fee_item: UUID, owner: asyncpg.Connection, config: Settings
) -> None:
    assert await decided_by_a_crowd(fee_item) >= 1
    assert await adjusted_minor(owner) == 283
    assert await verify(config.database_url) == []


async def test_whoever_reads_and_then_posts_adjusts_it_many_times(
    fee_item: UUID, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def naive(item: Item, *, actor: str, **_: object) -> None:
        if (await items.item_by_id(item.id)).state != "OPEN":
            return
        async with db.transaction(runs.scope()):
            await ledger.post(
                resolving.fee_adjustment(item),
                kind="RECONCILED_ADJUST_FEE",
                idempotency_key=f"naive:{uuid4()}",
                tenant_id=None,
            )
        async with db.transaction(runs.scope()):
            await db.execute(
                """update reconciliation_items set state = 'RESOLVED', how = 'ADJUST_FEE',
                          decided_by = $2, decided_at = now() where id = $1 and state = 'OPEN'""",
                item.id,
                actor,
            )

    monkeypatch.setattr(resolving, "_decide", naive)
    await decided_by_a_crowd(fee_item)
    assert await adjusted_minor(owner) > 283


async def sold(shop: Shop, world: World) -> None:
    """Some sales, and the day is over."""
    await world.keys(SALES)
    for _ in range(SALES):
        customer = await world.customer(wallet_minor=PRICE_MINOR)
        await quick_buy(shop, world.goods, quantity=1, customer_id=customer.id, method="WALLET")
    await world.shift_clock("2 days")


async def run_by_a_crowd(owner: asyncpg.Connection) -> tuple[int, int]:
    """The sales of all days as they were counted, in the ledger and in the orders."""
    await owner.execute(
        """insert into reconciliation_runs (day, seen_until, asked_by)
           select day, day + interval '27 hours', 'tests'
           from (select distinct paid_at::date as day from orders) as sold"""
    )
    for _ in range(50):
        await all_at_once(turns.take_a_turn() for _ in range(CROWD // 4))
        if not await owner.fetchval(
            "select count(*) from reconciliation_runs where step <> 'DONE'"
        ):
            break
    row = await owner.fetchrow(
        """select sum(our_count)::int, sum(their_count)::int from reconciliation_totals
           where book = 'ORDERS'"""
    )
    assert row is not None
    return row[0], row[1]


async def test_a_day_is_run_once_however_many_workers_there_are(
    shop: Shop, world: World, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sold(shop, world)
    anybodys = runs._CLAIM.replace("claimed_until <= platform_now()", "true")
    assert anybodys != runs._CLAIM
    monkeypatch.setattr(runs, "_CLAIM", anybodys)  # all of them at the same portion
    assert await run_by_a_crowd(owner) == (SALES, SALES)


async def test_without_the_turn_in_its_notes_a_day_is_counted_many_times(
    shop: Shop, world: World, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object, **__: object) -> None:
        return

    await sold(shop, world)
    anybodys = runs._CLAIM.replace("claimed_until <= platform_now()", "true")
    monkeypatch.setattr(runs, "_CLAIM", anybodys)
    monkeypatch.setattr(runs.Run, "hold", nothing)
    monkeypatch.setattr(statements, "forget", nothing)
    monkeypatch.setattr(runs, "_NOTE", runs._NOTE.replace("and turn = $2", "and $2::int > 0"))
    ours, theirs = await run_by_a_crowd(owner)
    assert max(ours, theirs) > SALES
