"""Correcting the ledger by hand takes two people, and bows to the ledger's own rules."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from billing import accounts, ledger
from billing.ledger import InsufficientBalance, credit, debit
from bookkeeping import adjustments
from bookkeeping.adjusted_accounts import AdjustedAccount, AdjustedSide
from bookkeeping.adjustments import (
    Adjustment,
    AdjustmentMove,
    AlreadyDecided,
)
from entrypoints.verify import verify
from kernel import db
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from orders.idempotency import IdempotencyConflict
from sales import key
from world import World, build_world

pytestmark = pytest.mark.engines
A = AdjustedAccount


@pytest.fixture
async def world(owner: asyncpg.Connection, database: Settings) -> World:
    return await build_world(owner, keys=0)


def move(
    debit_: A, credit_: A, minor: int, *, of: UUID | None = None, to: UUID | None = None
) -> AdjustmentMove:
    return AdjustmentMove(AdjustedSide(debit_, of), AdjustedSide(credit_, to), minor)


async def propose(
    world: World, *moves: AdjustmentMove, by: str = "operator:one", **more: Any
) -> Adjustment:
    return await adjustments.propose(
        root_id=world.root.id,
        actor=by,
        currency="CNY",
        moves=moves,
        reason=more.get("reason", "the bank took a fee"),
        idempotency_key=more.get("idempotency_key", key()),
    )


async def earned(world: World, minor: int) -> UUID:
    """A supplier has earned so much."""
    party_id = world.goods.supplier_id
    async with db.transaction(db.core_scope()):
        await ledger.post(
            [
                debit(accounts.bank("CNY"), minor),
                credit(accounts.party_available(party_id, "CNY"), minor),
            ],
            kind="TEST",
            idempotency_key=key(),
            tenant_id=None,
        )
    return party_id


async def held(account: ledger.Account) -> int:
    async with db.transaction(db.core_scope(), read_only=True):
        return await ledger.balance(account)


async def test_what_one_proposes_another_posts_once(world: World, config: Settings) -> None:
    party_id = await earned(world, 700)
    wish = move(A.AVAILABLE, A.PENALTY, 300, of=party_id)
    proposed = await propose(world, wish, idempotency_key="once")
    assert await propose(world, wish, idempotency_key="once") == proposed
    with pytest.raises(IdempotencyConflict):
        await propose(world, move(A.BANK, A.PENALTY, 300), idempotency_key="once")
    assert await held(accounts.party_available(party_id, "CNY")) == 700
    with pytest.raises(Forbidden):
        await adjustments.decide(adjustment_id=proposed.id, actor="operator:one", post=True)
    posted = await adjustments.decide(adjustment_id=proposed.id, actor="operator:two", post=True)
    assert (posted.state, posted.decided_by) == ("POSTED", "operator:two")
    with pytest.raises(AlreadyDecided):
        await adjustments.decide(adjustment_id=proposed.id, actor="operator:two", post=False)
    assert await held(accounts.party_available(party_id, "CNY")) == 400
    assert await held(accounts.revenue("PENALTY", "CNY")) == 300
    assert await verify(config.database_url) == []


async def test_whoever_proposed_may_take_it_back(world: World) -> None:
    proposed = await propose(world, move(A.COMPENSATION, A.BANK, 5))
    taken_back = await adjustments.decide(
        adjustment_id=proposed.id, actor="operator:one", post=False
    )
    assert taken_back.state == "REJECTED"
    assert await held(accounts.bank("CNY")) == 0
    page = await adjustments.adjustments_page(state="REJECTED", first=1, after=None)
    assert [one.id for one in page.rows] == [proposed.id]


async def test_nobody_goes_below_zero_and_the_proposal_stays_open(world: World) -> None:
    party_id = await earned(world, 100)
    too_much = await propose(world, move(A.AVAILABLE, A.PENALTY, 101, of=party_id))
    no_debt = await propose(world, move(A.BAD_DEBT, A.RECEIVABLE, 1, to=party_id))
    for one in (too_much, no_debt):
        with pytest.raises(InsufficientBalance):
            await adjustments.decide(adjustment_id=one.id, actor="operator:two", post=True)
    page = await adjustments.adjustments_page(state="PROPOSED", first=5, after=None)
    assert {one.id for one in page.rows} == {too_much.id, no_debt.id}
    assert await held(accounts.party_available(party_id, "CNY")) == 100


@pytest.mark.parametrize(
    ("moves", "reason", "refusal"),
    [
        ((), "the bank took a fee", Invalid),
        ((move(A.BANK, A.FX, 0),), "the bank took a fee", Invalid),
        ((move(A.BANK, A.FX, -5),), "the bank took a fee", Invalid),
        ((move(A.BANK, A.BANK, 5),), "the bank took a fee", Invalid),
        ((move(A.BANK, A.FX, 5),) * 11, "the bank took a fee", Invalid),
        ((move(A.AVAILABLE, A.FX, 5),), "the bank took a fee", Invalid),
        ((move(A.BANK, A.FX, 5, to=new_id()),), "the bank took a fee", Invalid),
        ((move(A.AVAILABLE, A.FX, 5, of=new_id()),), "the bank took a fee", NotFound),
        ((move(A.BANK, A.FX, 5),), "    short    ", Invalid),
    ],
)
async def test_what_makes_no_sense_is_not_even_proposed(
    world: World, moves: tuple[AdjustmentMove, ...], reason: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await propose(world, *moves, reason=reason)
    assert await world.owner.fetchval("select count(*) from ledger_adjustments") == 0


async def test_two_hundred_decide_at_once_and_one_of_them_has(
    world: World, config: Settings
) -> None:
    proposed = await propose(world, move(A.COMPENSATION, A.BANK, 5))
    answers = await asyncio.gather(
        *(
            adjustments.decide(
                adjustment_id=proposed.id, actor=f"operator:{number}", post=number % 2 == 0
            )
            for number in range(200)
        ),
        return_exceptions=True,
    )
    decided = [one for one in answers if isinstance(one, Adjustment)]
    assert len(decided) == 1
    assert sum(isinstance(one, AlreadyDecided) for one in answers) == 199
    moved = 5 if decided[0].state == "POSTED" else 0
    assert await held(accounts.bank("CNY")) == moved
    assert await verify(config.database_url) == []


async def test_the_database_itself_wants_two_people(world: World) -> None:
    proposed = await propose(world, move(A.COMPENSATION, A.BANK, 5))
    for change in (
        "state = 'POSTED', decided_by = 'operator:one', decided_at = now(),"
        " posting_id = gen_random_uuid()",
        "reason = 'another reason'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await world.owner.execute(f"update ledger_adjustments set {change}")
    assert (await adjustments.adjustments_page(state=None, first=1, after=None)).rows == (proposed,)
