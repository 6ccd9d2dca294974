"""Stripe's disputes as they are read: genuine ones alone, found by page, and answered once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.payment_methods.base import ChannelRefused
from billing.payment_methods.stripe_answers import ForgedEvent
from billing.payment_methods.stripe_disputes import StripeDisputes, report_of
from sandbox_desk import Desk

_GENUINE: dict[str, Any] = {
    "id": "du_1",
    "object": "dispute",
    "amount": 10_500,
    "balance_transactions": [
        {"id": "txn_1", "amount": -10_500, "fee": 1_500, "currency": "cny"},
        {"id": "txn_2", "amount": 10_500, "fee": -1_500, "currency": "cny"},
    ],
    "created": 1_790_000_000,
    "currency": "cny",
    "evidence_details": {"due_by": 1_790_700_000},
    "livemode": False,
    "payment_intent": "pi_1",
    "reason": "fraudulent",
    "status": "won",
}


def test_a_dispute_is_read_with_what_it_has_taken_and_given_back() -> None:
    report = report_of(_GENUINE, event_id="evt_1", kind="charge.dispute.closed")
    assert report is not None
    assert (report.state, report.is_withdrawn, report.is_reinstated) == ("WON", True, True)
    assert (report.amount_minor, report.fee_minor, report.fee_back_minor) == (10_500, 1_500, 1_500)
    assert (report.currency, report.payment_ref) == ("CNY", "pi_1")
    inquiry = {**_GENUINE, "status": "warning_needs_response", "balance_transactions": []}
    asked = report_of(inquiry, event_id="evt_2", kind="charge.dispute.created")
    assert asked is not None
    assert (asked.state, asked.is_withdrawn, asked.fee_minor) == ("INQUIRY", False, 0)
    dollars = [{"id": "txn_1", "amount": -1_500, "fee": 15, "currency": "usd"}]
    other = report_of({**_GENUINE, "balance_transactions": dollars}, event_id="evt_3", kind="look")
    assert other is not None
    assert not other.is_withdrawn
    assert report_of({**_GENUINE, "payment_intent": None}, event_id="evt_4", kind="look") is None


@pytest.mark.parametrize(
    "change",
    [
        {"object": "charge"},
        {"id": None},
        {"id": "du_\x00"},
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**63},
        {"amount": "10500"},
        {"currency": "yuan"},
        {"status": None},
        {"reason": []},
        {"created": -1},
        {"created": 2**60},
        {"evidence_details": {"due_by": "soon"}},
        {"payment_intent": 5},
    ],
)
def test_what_no_dispute_could_say_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ForgedEvent):
        report_of({**_GENUINE, **change}, event_id="evt_1", kind="charge.dispute.created")


async def test_disputes_are_found_looked_at_and_answered_at_the_channel(
    desk: Desk,
) -> None:
    refs = []
    for _ in range(2):
        intent = await desk.paid(payment_method="pm_card_createDispute")
        refs.append(intent.id)
    channel = StripeDisputes()
    now = datetime.now(UTC)
    found = [one async for one in channel.since(now - timedelta(days=1))]
    assert [one.payment_ref for one in found] == refs[::-1]
    assert [one async for one in channel.since(now + timedelta(days=1))] == []
    ref = found[0].provider_ref
    words = {"product_description": "A key.", "uncategorized_text": "It was opened."}
    for _ in range(2):
        await channel.answer(provider_ref=ref, words=words, idempotency_key="answer-1")
    assert (await channel.look(ref)).state == "UNDER_REVIEW"
    with pytest.raises(ChannelRefused):
        await channel.answer(provider_ref=ref, words=words, idempotency_key="answer-2")
    with pytest.raises(ChannelRefused):
        await channel.look("du_nobodys")
