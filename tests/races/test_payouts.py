"""One balance and many who ask for it, one payout and many who decide about it."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from billing import ledger
from billing.ledger import Account
from billing.payouts import requests
from billing.payouts.reviews import Decision
from entrypoints.verify import verify
from identity.step_up import Purpose, use_proof
from kernel import db
from kernel.settings import Settings
from payout_desk import EARNED_MINOR, PayoutDesk, earn, prove
from races.crowd import all_at_once
from races.mutants import gate_that_opens_for_two, that_waits_at_the_gate
from world import World

pytestmark = pytest.mark.engines

CALLERS, ASKED_MINOR = 400, 500_000
AFFORDABLE = EARNED_MINOR // ASKED_MINOR


@pytest.fixture
async def desk(database: Settings, world: World) -> PayoutDesk:
    """A shop that can afford ten of the payouts that are asked for."""
    desk = await PayoutDesk.of(world)
    await earn(desk.party)
    await desk.paid_at()
    return desk


async def proofs(desk: PayoutDesk, number: int) -> list[str]:
    return [await prove(desk.holder, Purpose.PAYOUT_REQUEST) for _ in range(number)]


async def test_hundreds_who_ask_for_one_balance_never_exceed_it(
    desk: PayoutDesk, database: Settings
) -> None:
    outcome = await all_at_once(
        desk.ask(ASKED_MINOR, proof=proof) for proof in await proofs(desk, CALLERS)
    )

    assert (len(outcome.done), outcome.errors) == (AFFORDABLE, [])
    assert outcome.refused == {"INSUFFICIENT_BALANCE": CALLERS - AFFORDABLE}
    assert "L:PARTY:AVAILABLE" not in await desk.books()
    assert await verify(database.database_url) == []


async def test_the_check_notices_who_reads_the_balance_and_then_takes_it(
    desk: PayoutDesk, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether the money is there, without a lock."""

    async def looks_at_nothing(balances: Sequence[Account]) -> list[int]:
        return [0 for _ in balances]

    monkeypatch.setattr(requests, "_RESERVE", that_waits_at_the_gate(requests._RESERVE))
    monkeypatch.setattr(ledger, "lock_balances", looks_at_nothing)
    ready = await proofs(desk, 2)

    async with gate_that_opens_for_two():  # each of them sees the money for one
        outcome = await all_at_once(desk.ask(EARNED_MINOR, proof=proof) for proof in ready)

    assert outcome.errors == []
    assert (await desk.books())["L:PARTY:AVAILABLE"] == -EARNED_MINOR
    assert "I3" in {breach.invariant for breach in await verify(database.database_url)}


async def test_one_request_said_hundreds_of_times_is_one_payout_and_one_proof_one_act(
    desk: PayoutDesk, database: Settings
) -> None:
    (proof,) = await proofs(desk, 1)
    outcome = await all_at_once(
        desk.ask(ASKED_MINOR, key="the same", proof=proof) for _ in range(CALLERS)
    )
    assert (len(outcome.done), outcome.errors) == (CALLERS, [])
    assert len({payout.id for payout in outcome.done}) == 1

    (proof,) = await proofs(desk, 1)
    uses = await all_at_once(_use(desk, proof) for _ in range(CALLERS))
    assert (len(uses.done), uses.errors) == (1, [])
    assert uses.refused == {"STEP_UP_REQUIRED": CALLERS - 1}
    assert await verify(database.database_url) == []


async def _use(desk: PayoutDesk, proof: str) -> None:
    async with db.transaction(db.core_scope()):
        await use_proof(desk.holder, Purpose.PAYOUT_REQUEST, proof)
        await asyncio.sleep(0)


async def test_two_people_who_approve_at_once_and_one_who_does_so_hundreds_of_times(
    desk: PayoutDesk, database: Settings
) -> None:
    payout = await desk.ask(4_000_000)
    await desk.check()
    alone = await all_at_once(desk.decide(Decision.APPROVE, payout) for _ in range(100))
    assert (len(alone.done), alone.errors) == (1, [])
    assert alone.refused == {"FORBIDDEN": 99}
    assert await desk.state(payout) == "CHECKING"

    others = await all_at_once(desk.decide(Decision.APPROVE, payout, by=1) for _ in range(100))
    assert (len(others.done), others.errors) == (1, [])
    assert set(others.refused) <= {"FORBIDDEN", "WRONG_STATE"}
    assert await desk.state(payout) == "APPROVED"
    assert await verify(database.database_url) == []


async def test_a_payout_that_is_cancelled_checked_and_decided_at_once_ends_in_one_way(
    desk: PayoutDesk, database: Settings
) -> None:
    payouts = [await desk.ask(50_000) for _ in range(40)]
    outcome = await all_at_once(
        [
            *(desk.cancel(payout) for payout in payouts),
            desk.check(),
            *(desk.decide(Decision.REJECT, payout) for payout in payouts),
        ]
    )

    assert outcome.errors == []
    assert set(outcome.refused) <= {"WRONG_STATE"}
    ended = Counter([await desk.state(payout) for payout in payouts])
    assert set(ended) <= {"CANCELED", "CHECKING", "REJECTED"}
    held = (await desk.books()).get("L:PARTY:RESERVED", 0)
    assert held == 50_000 * ended["CHECKING"]
    assert await verify(database.database_url) == []


async def test_a_place_that_changes_while_payouts_are_asked_for_is_not_paid_at(
    desk: PayoutDesk, database: Settings
) -> None:
    ready = await proofs(desk, 60)
    outcome = await all_at_once(
        [*(desk.ask(50_000, proof=proof) for proof in ready), desk.paid_at(), desk.paid_at()]
    )

    assert outcome.errors == []
    assert set(outcome.refused) <= {"PAYOUTS_OPEN", "INSUFFICIENT_BALANCE"}
    astray = """select count(*) from payouts join payout_methods method on method.id = method_id
                where state = 'REQUESTED' and method.ended_at is not null"""
    assert await desk.owner.fetchval(astray) == 0
    assert await verify(database.database_url) == []


async def test_a_batch_that_is_filled_and_sent_by_many_at_once_goes_out_once(
    desk: PayoutDesk, database: Settings
) -> None:
    payouts = [await desk.approved(50_000) for _ in range(5)]
    made = await all_at_once(desk.batch() for _ in range(30))
    assert (len({batch.id for batch in made.done}), made.errors) == (1, [])
    sent = await all_at_once(desk.send(made.done[0]) for _ in range(30))

    assert (len(sent.done), sent.errors) == (1, [])
    assert sent.refused == {"WRONG_STATE": 29}
    assert {await desk.state(payout) for payout in payouts} == {"SENT"}
    posted = "select count(*) from ledger_transactions where kind = 'PAYOUT_SENT'"
    assert await desk.owner.fetchval(posted) == 5
    assert await verify(database.database_url) == []
