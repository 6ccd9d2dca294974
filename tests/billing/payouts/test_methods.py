"""Where a party is paid: sealed, told, one at a time, and never at once."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from billing.payouts.bank_numbers import BankAccount
from billing.payouts.methods import PayoutsOpen, methods_of, set_method
from billing.payouts.parties import PaidPartyKind, Party
from billing.payouts.reviews import Decision, PayoutBlocked
from identity.step_up import Purpose, StepUpRequired
from kernel.ids import new_id
from listeners import plant_endpoint
from payout_desk import ACCOUNT, PayoutDesk, prove

pytestmark = pytest.mark.engines

OTHER = BankAccount.written(holder="李四", number="6217000012345678", bank="中国建设银行")


async def test_a_bank_account_is_sealed_shown_by_its_last_four_and_told_to_the_mailer(
    desk: PayoutDesk,
) -> None:
    for tenant_id in (desk.world.root.id, desk.world.shop.id):
        await plant_endpoint(desk.owner, tenant_id, event_types=["payout.method_changed"])
    method = await desk.paid_at()

    assert (method.bank, method.last_four, method.ready) == ("中国工商银行", "7890", True)
    assert method.usable_at - method.created_at == timedelta(days=1)
    stored = str(dict(await desk.owner.fetchrow("select * from payout_methods") or {}))
    assert ACCOUNT.holder not in stored
    assert ACCOUNT.number not in stored
    told = await desk.owner.fetch("select tenant_id, details::text as said from outbox_events")
    assert {row["tenant_id"] for row in told} == {desk.world.root.id, desk.world.shop.id}
    assert all(ACCOUNT.number not in row["said"] and "7890" in row["said"] for row in told)


async def test_another_place_ends_the_one_before_and_waits_while_payouts_go_to_that(
    desk: PayoutDesk,
) -> None:
    first = await desk.paid_at()
    payout = await desk.ask(50_000)
    with pytest.raises(PayoutsOpen):
        await desk.paid_at(OTHER)
    assert [one.id for one in await methods_of(desk.party)] == [first.id]
    await desk.cancel(payout)

    second = await desk.paid_at(OTHER)

    shown = await methods_of(desk.party)
    assert [(one.id, one.ended_at is None) for one in shown] == [
        (second.id, True),
        (first.id, False),
    ]


async def test_nothing_is_paid_to_a_new_place_before_its_time(desk: PayoutDesk) -> None:
    method = await desk.paid_at()
    await desk.owner.execute(
        "update payout_methods set usable_at = platform_now() + interval '1 hour' where id = $1",
        method.id,
    )
    payout = await desk.ask(50_000)
    await desk.check()
    with pytest.raises(PayoutBlocked) as refused:
        await desk.decide(Decision.APPROVE, payout)
    assert refused.value.details == {"reasons": "METHOD_TOO_NEW"}
    assert (await desk.now(payout)).reasons == ("METHOD_TOO_NEW", "FIRST_PAYOUT")
    await desk.owner.execute(
        """insert into payout_approvals (payout_id, round, approver_id, requested_by)
           values ($1, 1, $2, $3)""",
        payout.id, desk.operators[0].id, desk.finance.id,
    )  # fmt: skip
    with pytest.raises(asyncpg.CheckViolationError, match="cannot be paid to"):
        await desk.owner.execute("update payouts set state = 'APPROVED'")

    await desk.later(timedelta(hours=2))
    with pytest.raises(Exception, match="approved this already"):
        await desk.decide(Decision.APPROVE, payout)
    (approved,) = await desk.decide(Decision.APPROVE, payout, by=1)
    assert approved.state == "APPROVED"


async def test_a_place_takes_a_proof_of_the_same_token_and_for_that(desk: PayoutDesk) -> None:
    stolen = replace(desk.holder, token_hash=bytes(32))
    for holder, purpose in (
        (desk.holder, Purpose.PAYOUT_REQUEST),
        (stolen, Purpose.PAYOUT_METHOD),
    ):
        proof = await prove(holder, purpose)
        with pytest.raises(StepUpRequired):
            await set_method(
                desk.party, account=ACCOUNT, actor=desk.actor, holder=desk.holder, proof=proof
            )
    assert await methods_of(desk.party) == []


async def test_the_same_holder_at_two_parties_is_noticed_and_nobody_sees_anothers_places(
    desk: PayoutDesk,
) -> None:
    agent = desk.world.agent
    beside = Party(PaidPartyKind.TENANT, agent.id, agent.id, "CNY")
    affiliate = Party(PaidPartyKind.AFFILIATE, new_id(), desk.party.tenant_id, "CNY")
    await desk.paid_at(party=beside)
    await desk.paid_at(OTHER, party=affiliate)
    await desk.paid_at()
    payout = await desk.ask(50_000)
    await desk.check()

    assert (await desk.now(payout)).reasons == ("FIRST_PAYOUT", "HOLDER_SHARED")
    for party in (desk.party, beside, affiliate):
        (shown,) = await methods_of(party)
        assert shown.party_id == party.id
