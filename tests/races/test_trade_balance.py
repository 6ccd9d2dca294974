"""One trade balance, many who spend it: never below nothing, every fen accounted for."""

from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

import pytest

from billing import ledger, trade_moves
from billing.ledger import Account
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers.at_cost import CostWish
from orders import placing_statements, refunds
from orders.placing_statements import Way
from orders.purchasing import Bought
from orders.records import Viewer
from races.crowd import Outcome, all_at_once
from races.mutants import Meeting, changed, gate_that_opens_for_two, that_waits_at_the_gate
from tenants.directory import Shop, current_shop
from trade_desk import COST_MINOR, buy, credit, held_minor, moves, transfer
from world import World

pytestmark = pytest.mark.engines

CALLERS, AFFORDABLE, CHANGE_MINOR = 300, 10, 999
AGENTS_COST_MINOR = 8_500


@pytest.fixture
async def agent(database: Settings, world: World) -> Shop:
    """The second-level shop, which has a child."""
    async with db.transaction(db.core_scope(), read_only=True):
        return await current_shop(world.agent.id)


async def rush(shop: Shop, world: World, *, affordable: int = AFFORDABLE) -> Outcome[Bought]:
    """300 purchases of one key by a shop whose balance covers 10 of them and a little more."""
    await credit(shop, affordable * COST_MINOR + CHANGE_MINOR)
    await world.keys(3 * AFFORDABLE)
    return await all_at_once(
        buy(shop, world.goods, deliver_now=number % 2 == 0) for number in range(CALLERS)
    )


async def faults_of(outcome: Outcome[Bought], world: World, shop_id: UUID) -> list[str]:
    """What is wrong after the rush; an empty list is good news."""
    found = [repr(error) for error in outcome.errors[:3]]
    if len(outcome.done) != AFFORDABLE:
        found.append(f"{len(outcome.done)} purchases with money for {AFFORDABLE}")
    if set(outcome.refused) - {"INSUFFICIENT_BALANCE"}:
        found.append(f"refused: {outcome.refused}")
    if (left := await held_minor(world.owner, shop_id)) != CHANGE_MINOR:
        found.append(f"the balance is {left}")
    return found


async def test_money_for_ten_keys_buys_exactly_ten(
    shop: Shop, world: World, database: Settings
) -> None:
    outcome = await rush(shop, world)

    assert await faults_of(outcome, world, shop.id) == []
    book = await moves(world.owner, shop.id)
    assert [balance for _, _, balance in book[1:]] == [
        CHANGE_MINOR + COST_MINOR * left for left in reversed(range(AFFORDABLE))
    ]
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_purchase_that_only_reads_the_balance(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether the money is there, without a lock."""
    purchase = placing_statements.at_once(Way(pays=True, at_cost=True))
    naive = that_waits_at_the_gate(changed(purchase, "lock_balance(", "-ledger_balance("))
    monkeypatch.setattr(placing_statements, "at_once", lambda _: naive)

    async with gate_that_opens_for_two():  # each of them sees the money for one
        outcome = await rush(shop, world, affordable=1)

    faults = await faults_of(outcome, world, shop.id)
    assert any(fault.startswith("the balance is -") for fault in faults)
    assert {"I3", "I15"} <= {breach.invariant for breach in await verify(database.database_url)}


async def test_purchases_transfers_credits_and_returns_over_one_balance_add_up(
    agent: Shop, world: World, database: Settings
) -> None:
    cost, piece, begin_minor, credited = AGENTS_COST_MINOR, 700, 40 * AGENTS_COST_MINOR, 20
    await world.keys(200)
    await credit(agent, begin_minor)
    first = await buy(agent, world.goods, 20, most_total_minor=20 * cost, deliver_now=False)
    (line,) = first.order.lines

    def give_back() -> Awaitable[object]:
        return refunds.return_unrevealed(
            shop=agent,
            viewer=Viewer(purchases=True),
            order_no=first.order.no,
            line_id=line.id,
            quantity=1,
            idempotency_key=new_id().hex,
        )

    bought = [buy(agent, world.goods, most_total_minor=cost) for _ in range(120)]
    sent = [transfer(agent, world.shop, piece) for _ in range(200)]
    outcome = await all_at_once(
        [
            *bought,
            *sent,
            *(credit(agent, 100) for _ in range(credited)),
            *(give_back() for _ in range(20)),
        ]
    )

    assert outcome.errors == []
    assert set(outcome.refused) <= {"INSUFFICIENT_BALANCE"}
    book = await moves(world.owner, agent.id)
    counted = {kind: sum(1 for one, *_ in book if one == kind) for kind, *_ in book}
    spent = (counted["PURCHASE"] - 1) * cost + counted["TRANSFER_OUT"] * piece
    left = begin_minor - 20 * cost + credited * 100 + 20 * cost - spent
    assert counted["REFUND"] == 20
    assert await held_minor(world.owner, agent.id) == left >= 0
    assert await held_minor(world.owner, world.shop.id) == counted["TRANSFER_OUT"] * piece
    assert outcome.refused["INSUFFICIENT_BALANCE"] > 0, "the balance was enough for all"
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_transfer_without_a_lock(
    agent: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: read both balances, and then move."""
    meeting, second_meeting = Meeting(), Meeting()
    post = ledger.post

    async def reads_only(balances: Sequence[Account]) -> list[int]:
        held = [await ledger.balance(account) for account in balances]
        await meeting.join()
        return held

    async def posts_when_both_are_noted(*args: Any, **named: Any) -> None:
        await second_meeting.join()  # a book that shows the other's transfer would refuse this one
        await post(*args, **named)

    await credit(agent, 100)
    await credit(await _shop(world.shop.id), 1)
    monkeypatch.setattr(trade_moves, "lock", reads_only)
    monkeypatch.setattr(ledger, "post", posts_when_both_are_noted)

    outcome = await all_at_once(transfer(agent, world.shop, 100) for _ in range(2))

    assert (outcome.refused, outcome.errors) == (Counter(), [])
    assert await held_minor(world.owner, agent.id) == -100
    assert {"I3", "I15"} <= {breach.invariant for breach in await verify(database.database_url)}


async def test_first_credits_of_a_balance_know_of_each_other(
    shop: Shop, world: World, database: Settings
) -> None:
    outcome = await all_at_once(credit(shop, 10) for _ in range(CALLERS))

    assert (len(outcome.done), outcome.errors) == (CALLERS, [])
    book = await moves(world.owner, shop.id)
    assert [balance for *_, balance in book] == [10 * n for n in range(1, CALLERS + 1)]
    assert await verify(database.database_url) == []


async def test_a_purchase_asked_for_hundreds_of_times_is_made_once(
    shop: Shop, world: World, database: Settings
) -> None:
    await credit(shop, 5 * COST_MINOR)
    await world.keys(10)

    outcome = await all_at_once(
        buy(shop, world.goods, idempotency_key="the same", client_reference="PO-1")
        for _ in range(CALLERS)
    )

    assert (len(outcome.done), outcome.errors) == (CALLERS, [])
    assert len({one.order.id for one in outcome.done}) == 1
    assert len({one.keys[0].secret for one in outcome.done}) == 1
    assert await held_minor(world.owner, shop.id) == 4 * COST_MINOR
    assert await verify(database.database_url) == []


async def test_a_reference_and_a_bank_transfer_are_used_once_by_whoever_comes_first(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(10)
    credited = await all_at_once(
        credit(shop, 9 * COST_MINOR, reference="bank-1") for _ in range(CALLERS)
    )
    bought = await all_at_once(
        buy(shop, world.goods, client_reference="PO-1") for _ in range(CALLERS)
    )

    for outcome in (credited, bought):
        assert (len(outcome.done), outcome.errors) == (1, [])
        assert outcome.refused == {"IDEMPOTENCY_CONFLICT": CALLERS - 1}
    assert await held_minor(world.owner, shop.id) == 8 * COST_MINOR
    assert await verify(database.database_url) == []


async def test_shops_that_buy_the_same_goods_at_once_share_the_keys_and_not_the_balance(
    shop: Shop, agent: Shop, world: World, database: Settings
) -> None:
    await world.keys(60)
    for one in (shop, agent):
        await credit(one, 100 * COST_MINOR)
    wanted = [CostWish(world.goods.sku_id, 2)]

    outcome = await all_at_once(
        buy(one, world.goods, lines=wanted, most_total_minor=2 * COST_MINOR, partial=True)
        for one in (shop, agent) * 100
    )

    assert outcome.errors == []
    assert set(outcome.refused) <= {"OUT_OF_STOCK"}
    assert sum(len(one.keys) for one in outcome.done) == 60
    statuses = await world.owner.fetch("select distinct status from keys")
    assert [row["status"] for row in statuses] == ["REVEALED"]
    assert await verify(database.database_url) == []


async def _shop(tenant_id: UUID) -> Shop:
    async with db.transaction(db.core_scope(), read_only=True):
        return await current_shop(tenant_id)
