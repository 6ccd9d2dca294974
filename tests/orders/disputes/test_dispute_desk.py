"""What people do about disputes: they see their own, find lost ones, answer once, and in time."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.dispute_channels import DISPUTE_CHANNELS
from billing.payment_methods.disputes import DisputeReport, DisputeState
from dispute_desk import bank_of
from kernel.errors import NotFound
from orders.disputes import answering, asking, listing
from orders.disputes.answering import DisputeAnswered, submit_evidence
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines


@dataclass
class BanksInMemory:
    """A channel that knows of disputes, and takes an answer as it is told."""

    known: list[DisputeReport] = field(default_factory=list)
    told: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    """What becomes of the next ones: DONE unless said."""
    asked_since: list[datetime] = field(default_factory=list)

    async def look(self, provider_ref: str) -> DisputeReport:
        return next(one for one in self.known if one.provider_ref == provider_ref)

    async def since(self, moment: datetime) -> AsyncIterator[DisputeReport]:
        self.asked_since.append(moment)
        for one in self.known:
            yield one

    async def answer(
        self, *, provider_ref: str, words: Mapping[str, str], idempotency_key: str
    ) -> None:
        answer = self.answers.pop(0) if self.answers else "DONE"
        if answer == "SILENT":
            raise ChannelUnavailable
        if answer == "REFUSED":
            raise ChannelRefused("dispute_evidence_already_submitted")
        assert self.told.setdefault(idempotency_key, words) == words


@pytest.fixture
def banks(monkeypatch: pytest.MonkeyPatch) -> BanksInMemory:
    """Every channel's disputes are in memory."""
    found = BanksInMemory()
    monkeypatch.setitem(DISPUTE_CHANNELS, "stripe", found)
    return found


async def _sold(desk: SalesDesk) -> Purchase:
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    await purchase.reveal()
    return purchase


async def test_a_dispute_whose_webhooks_are_all_lost_is_found_and_followed_to_its_end(
    desk: SalesDesk, banks: BanksInMemory
) -> None:
    bank = await bank_of(await _sold(desk))
    banks.known = [bank.report("NEEDS_RESPONSE")]
    await asking.find_disputes()
    assert await asking.ask_about_disputes() == 0
    banks.known = [bank.report("LOST")]
    await desk.world.shift_clock("61 minutes")
    assert await asking.ask_about_disputes() == 1
    assert await desk.owner.fetchval("select state from disputes") == "LOST"
    await desk.world.shift_clock("61 minutes")
    assert await asking.ask_about_disputes() == 0
    await asking.find_disputes()
    first, second = banks.asked_since
    assert first < second < bank.first.opened_at
    await desk.assert_sound()


async def test_evidence_is_written_once_sent_once_and_says_what_the_records_say(
    desk: SalesDesk, banks: BanksInMemory
) -> None:
    purchase = await _sold(desk)
    bank = await bank_of(purchase)
    await bank.opens()
    case_id = await desk.owner.fetchval("select id from disputes")
    view, evidence = await listing.dispute_view(case_id, within=None)
    assert (view.order_no, view.answer_state) == (purchase.no, None)
    assert [fact.what for fact in evidence.log] == [
        "PRICE_ACCEPTED_AND_ORDERED",
        "PAYMENT_STARTED",
        "PAID",
        "DELIVERED",
    ]
    (seen,) = evidence.reveals
    assert (seen.actor, seen.ip) == ("buyer", "127.0.0.1")
    assert evidence.lines[0].commitments == (seen.commitment_hex,)

    await submit_evidence(case_id=case_id, within=None, statement=" Ours. ", actor="operator:1")
    with pytest.raises(DisputeAnswered):
        await submit_evidence(case_id=case_id, within=None, statement="", actor="operator:1")
    banks.answers = ["SILENT"]
    await answering.send_answers()
    await desk.world.shift_clock("2 minutes")
    await answering.send_answers()
    await desk.world.shift_clock("2 hours")
    assert await answering.send_answers() == 0
    (words,) = banks.told.values()
    assert words["uncategorized_text"].startswith(f"Ours.\nOrder {purchase.no}\n")
    assert seen.commitment_hex in words["uncategorized_text"]
    assert "127.0.0.1" in words["access_activity_log"]
    assert (await listing.dispute_view(case_id, within=None))[0].answer_state == "SENT"


async def test_an_answer_that_the_channel_has_already_is_sent_and_a_late_one_is_refused(
    desk: SalesDesk, banks: BanksInMemory
) -> None:
    ends: dict[DisputeState, str] = {"UNDER_REVIEW": "SENT", "NEEDS_RESPONSE": "REFUSED"}
    for state, end in ends.items():
        bank = await bank_of(await _sold(desk))
        await bank.opens()
        case_id = await desk.owner.fetchval(
            "select id from disputes where provider_ref = $1", bank.first.provider_ref
        )
        await submit_evidence(case_id=case_id, within=None, statement="", actor="operator:1")
        banks.known, banks.answers = [bank.report(state)], ["REFUSED"]
        await answering.send_answers()
        assert (await listing.dispute_view(case_id, within=None))[0].answer_state == end
    await desk.world.shift_clock("10 days")
    with pytest.raises(DisputeAnswered):
        await submit_evidence(case_id=case_id, within=None, statement="", actor="operator:1")


async def test_a_shop_sees_its_own_disputes_and_the_platform_is_reminded_of_all_once(
    desk: SalesDesk, banks: BanksInMemory
) -> None:
    bank = await bank_of(await _sold(desk))
    await bank.opens()
    shop_id, agent_id = desk.world.shop.id, desk.world.agent.id
    own = await listing.disputes_page(tenant_id=shop_id, is_open=True, first=1, after=None)
    (view,) = own.rows
    assert (view.state, view.amount_minor, view.is_over) == ("NEEDS_RESPONSE", 11_000, False)
    for other in (
        await listing.disputes_page(tenant_id=agent_id, is_open=None, first=1, after=None),
        await listing.disputes_page(tenant_id=shop_id, is_open=False, first=1, after=None),
        await listing.disputes_page(tenant_id=shop_id, is_open=True, first=1, after=own.cursors[0]),
    ):
        assert other.rows == ()
    with pytest.raises(NotFound):
        await listing.dispute_view(view.id, within=agent_id)
    with pytest.raises(NotFound):
        await submit_evidence(case_id=view.id, within=agent_id, statement="", actor="operator:1")
    assert await answering.remind() == 0
    await desk.world.shift_clock("8 days")
    assert await answering.remind() == 1
    assert await answering.remind() == 0
