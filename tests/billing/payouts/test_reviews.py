"""Operators decide: one, or above a limit two, and nobody about their own."""

from dataclasses import replace

import asyncpg
import pytest

from billing.payouts import ending, rows
from billing.payouts.parties import Actor
from billing.payouts.requests import WrongState
from billing.payouts.reviews import Decision, PayoutBlocked, SamePerson, review_payouts
from billing.payouts.states import PayoutState
from billing.payouts.stops import stop_payouts
from entrypoints.verify import verify
from identity.models import TokenKind
from identity.step_up import Purpose, StepUpRequired
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from payout_desk import PayoutDesk, holder_of, owe, prove, written

pytestmark = pytest.mark.engines

LARGE_MINOR = 1_000_001


async def test_above_the_limit_two_different_people_approve(desk: PayoutDesk) -> None:
    await desk.paid_at()
    payout = await desk.ask(LARGE_MINOR)
    await desk.check()
    assert payout.approvals_needed == 2

    (once,) = await desk.decide(Decision.APPROVE, payout)
    assert once.state == "CHECKING"
    with pytest.raises(SamePerson):
        await desk.decide(Decision.APPROVE, payout)
    with pytest.raises(asyncpg.CheckViolationError, match="too few approvals"):
        await desk.owner.execute("update payouts set state = 'APPROVED'")
    assert await desk.state(payout) == "CHECKING"

    (twice,) = await desk.decide(Decision.APPROVE, payout, by=1)
    assert twice.state == "APPROVED"
    assert await verify(desk.config.database_url) == []


async def test_nobody_approves_what_they_have_asked_for(desk: PayoutDesk) -> None:
    """Whoever works for a shop and for the platform has one login."""
    await desk.paid_at()
    payout = await desk.ask(50_000)
    await desk.check()
    person = desk.finance
    token = await desk.world.token("OPERATOR", None, person.id)
    holder = holder_of(type(person)(person.id, token), TokenKind.OPERATOR)
    with pytest.raises(SamePerson):
        await review_payouts(
            [payout.id],
            Decision.APPROVE,
            note="my own",
            actor=Actor("operator", person.id),
            holder=holder,
            proof=await prove(holder, Purpose.PAYOUT_REVIEW),
        )
    assert await desk.owner.fetchval("select count(*) from payout_approvals") == 0
    await desk.decide(Decision.APPROVE, payout)
    await desk.send(await desk.batch())
    await _came_back(payout)
    with pytest.raises(SamePerson):  # nor do they send it once more
        await review_payouts(
            [payout.id],
            Decision.RETRY,
            note="my own",
            actor=Actor("operator", person.id),
            holder=holder,
            proof=await prove(holder, Purpose.PAYOUT_REVIEW),
        )
    assert await desk.state(payout) == "RETURNED"


async def test_what_is_rejected_is_available_again_and_what_is_held_is_checked_anew(
    desk: PayoutDesk,
) -> None:
    await desk.paid_at()
    rejected, held = await desk.ask(20_000), await desk.approved(30_000)
    await desk.check()
    await desk.decide(Decision.REJECT, rejected, note="not yours")
    held = await desk.hold(held)
    assert (held.state, held.note) == ("HELD", "wait")
    with pytest.raises(WrongState):
        await desk.hold(held)

    (checked,) = await desk.decide(Decision.RELEASE, held)
    assert (checked.state, checked.round) == ("CHECKING", 2)
    (approved,) = await desk.decide(Decision.APPROVE, checked)
    assert approved.state == "APPROVED", "in a new round the same person may say yes"
    assert (await desk.books())["L:PARTY:RESERVED"] == 30_000
    assert await verify(desk.config.database_url) == []


async def test_what_speaks_against_a_payout_forbids_its_approval(desk: PayoutDesk) -> None:
    await desk.paid_at()
    payout = await desk.ask(50_000)
    await desk.check()
    await owe(desk.party, 1)
    with pytest.raises(PayoutBlocked) as refused:
        await desk.decide(Decision.APPROVE, payout)
    assert refused.value.details == {"reasons": "IN_DEBT"}
    async with db.transaction(db.core_scope()):
        await stop_payouts(desk.party, source="test", reason="an open case")
    with pytest.raises(PayoutBlocked) as refused:
        await desk.decide(Decision.APPROVE, payout)
    assert refused.value.details == {"reasons": "STOPPED"}


async def test_payouts_are_decided_together_or_not_at_all(desk: PayoutDesk) -> None:
    await desk.paid_at()
    good = await desk.ask(20_000)
    await desk.check()
    early = await desk.ask(30_000)
    before = await written(desk.owner, desk.party.id)
    nobodys = replace(good, id=new_id())
    for refusal, payouts in (
        (NotFound, [good, nobodys]),
        (WrongState, [good, early]),
        (Invalid, []),
        (Invalid, [replace(good, id=new_id()) for _ in range(101)]),
    ):
        with pytest.raises(refusal):
            await desk.decide(Decision.REJECT, *payouts)
    with pytest.raises(Invalid):
        await desk.decide(Decision.REJECT, good, note=" ")
    holder, for_another_act = await desk.batch_proof()
    with pytest.raises(StepUpRequired):
        await review_payouts(
            [good.id],
            Decision.REJECT,
            note="no",
            actor=desk.operator,
            holder=holder,
            proof=for_another_act,
        )
    assert await desk.state(good) == "CHECKING"
    assert await written(desk.owner, desk.party.id) == before


async def test_what_came_back_goes_out_again_only_if_its_money_is_still_there(
    desk: PayoutDesk,
) -> None:
    await desk.paid_at()
    payout = await desk.sent(4_000_000)
    await _came_back(payout)
    spent = await desk.ask(2_000_000)
    with pytest.raises(Exception, match="balance is too low"):
        await desk.decide(Decision.RETRY, payout)
    await desk.cancel(spent)

    # It is large: whoever says that it came back does not send it a second time alone.
    (once,) = await desk.decide(Decision.RETRY, payout)
    assert once.state == "RETURNED"
    with pytest.raises(SamePerson):
        await desk.decide(Decision.RETRY, payout)
    with pytest.raises(asyncpg.CheckViolationError, match="too few approvals"):
        await desk.owner.execute(
            "update payouts set state = 'APPROVED', batch_id = null where id = $1", payout.id
        )
    (again,) = await desk.decide(Decision.RETRY, payout, by=1)
    assert (again.state, again.attempt, again.batch_id) == ("APPROVED", 2, None)
    assert (await desk.books())["L:PARTY:RESERVED"] == 4_000_000
    await desk.send(await desk.batch())
    assert await verify(desk.config.database_url) == []


async def _came_back(payout: rows.Payout) -> None:
    async with db.transaction(db.every_tenant(reason="a test")):
        found = await rows.by_id(payout.id, lock=True)
        assert found is not None
        await ending.came_back(found, PayoutState.RETURNED, by="bank", note="no such account")
