"""A party asks for its money: what it has, once, to where it is paid, with a proof."""

import pytest

from billing.ledger import InsufficientBalance
from billing.payout_gate import PayoutsStopped
from billing.payouts.parties import PaidPartyKind, Party
from billing.payouts.requests import InDebt, PayoutConflict, WrongState
from billing.payouts.stops import OPERATORS, by_payout, resume_payouts, stop_payouts
from entrypoints.verify import verify
from identity.step_up import Purpose, StepUpRequired
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from payout_desk import EARNED_MINOR, PayoutDesk, owe, prove, written

pytestmark = pytest.mark.engines


async def test_what_is_asked_for_is_reserved_once_and_comes_back_when_it_is_cancelled(
    desk: PayoutDesk,
) -> None:
    await desk.paid_at()
    proof = await prove(desk.holder, Purpose.PAYOUT_REQUEST)
    asked = await desk.ask(50_000, key="the same", proof=proof)
    again = await desk.ask(50_000, key="the same", proof=proof)

    assert again == asked
    assert (asked.state, asked.fee_minor, asked.approvals_needed) == ("REQUESTED", 200, 1)
    assert await desk.books() == {
        "A:BANK": -EARNED_MINOR,
        "L:PARTY:AVAILABLE": EARNED_MINOR - 50_000,
        "L:PARTY:RESERVED": 50_000,
    }
    with pytest.raises(PayoutConflict):
        await desk.ask(60_000, key="the same")
    with pytest.raises(StepUpRequired):
        await desk.ask(50_000, proof=proof)  # a proof is good for one act

    assert (await desk.cancel(asked)).state == "CANCELED"
    assert (await desk.cancel(asked)).state == "CANCELED"
    assert "L:PARTY:RESERVED" not in await desk.books()
    history = await desk.owner.fetch("select to_state, actor from payout_events order by number")
    assert [tuple(row) for row in history] == [
        ("REQUESTED", desk.actor.name),
        ("CANCELED", desk.actor.name),
    ]
    assert await verify(desk.config.database_url) == []


async def test_a_payout_is_refused_with_a_reason_and_nothing_is_written(desk: PayoutDesk) -> None:
    before = await written(desk.owner, desk.party.id)
    with pytest.raises(NotFound):
        await desk.ask(50_000)  # nobody has said where to
    await desk.paid_at()
    for amount_minor, refusal in (
        (9_999, Invalid),
        (0, Invalid),
        (-50_000, Invalid),
        (2**53, Invalid),
        (EARNED_MINOR + 1, InsufficientBalance),
    ):
        with pytest.raises(refusal) as refused:
            await desk.ask(amount_minor)
        assert refused.value.field == "amount"
    with pytest.raises(StepUpRequired):
        await desk.ask(50_000, proof="kmv_nobodys")
    for_another_act = await prove(desk.holder, Purpose.PAYOUT_METHOD)
    with pytest.raises(StepUpRequired):
        await desk.ask(50_000, proof=for_another_act)
    # A part of a payout came back: that waits for people, and operators end it, nobody else does.
    async with db.transaction(db.core_scope()):
        await stop_payouts(desk.party, source=by_payout(desk.party.id), reason="a part came back")
    with pytest.raises(PayoutsStopped):
        await desk.ask(50_000)
    async with db.transaction(db.core_scope()):
        assert not await resume_payouts(desk.party, source="a case")
        assert await resume_payouts(desk.party, source=OPERATORS)
    for source, party in (("a case", desk.party), ("reconciliation", None)):
        async with db.transaction(db.core_scope()):
            await stop_payouts(party, source=source, reason="something is open")
            await stop_payouts(party, source=source, reason="said twice")
        with pytest.raises(PayoutsStopped):
            await desk.ask(50_000)
        async with db.transaction(db.core_scope()):
            assert not await resume_payouts(party, source="somebody else's")
            assert await resume_payouts(party, source=source)
    await desk.owner.execute(
        "insert into payout_gates (currency, shut_since) values ('CNY', now())"
    )
    with pytest.raises(PayoutsStopped):
        await desk.ask(50_000)  # the books are being put right
    await desk.owner.execute("update payout_gates set shut_since = null")
    await desk.owner.execute(
        "update tenants set status = 'RESTRICTED', payouts_frozen = true where id = $1",
        desk.party.id,
    )
    with pytest.raises(PayoutsStopped):
        await desk.ask(50_000)
    await desk.owner.execute(
        "update tenants set status = 'ACTIVE', payouts_frozen = false where id = $1", desk.party.id
    )
    assert await written(desk.owner, desk.party.id) == before

    await desk.ask(50_000)  # nothing of it is left in the way


async def test_a_party_with_a_debt_is_paid_nothing(desk: PayoutDesk) -> None:
    await desk.paid_at()
    await owe(desk.party, 1)
    before = await written(desk.owner, desk.party.id)

    with pytest.raises(InDebt):
        await desk.ask(50_000)

    assert await written(desk.owner, desk.party.id) == before


async def test_nobody_cancels_what_is_not_theirs_or_is_looked_at(desk: PayoutDesk) -> None:
    await desk.paid_at()
    payout = await desk.ask(50_000)
    beside = Party(PaidPartyKind.AFFILIATE, new_id(), desk.party.tenant_id, "CNY")
    elsewhere = Party(PaidPartyKind.TENANT, desk.world.agent.id, desk.world.agent.id, "CNY")
    for stranger in (beside, elsewhere):
        with pytest.raises(NotFound):
            await desk.cancel(payout, party=stranger)
    await desk.check()
    with pytest.raises(WrongState):
        await desk.cancel(payout)
    assert await desk.state(payout) == "CHECKING"
