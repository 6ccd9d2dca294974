"""Disputes as the sandbox tells them: states, evidence, money and events."""

from typing import Any

import pytest
import stripe

from sandbox_desk import Desk, Shop, eventually


async def test_a_disputed_charge_loses_its_money_and_the_evidence_may_win_it_back(
    desk: Desk, shop: Shop
) -> None:
    disputes = desk.client.v1.disputes
    intent = await desk.paid(payment_method="pm_card_createDispute")
    (found,) = (await disputes.list_async({"payment_intent": intent.id})).data
    assert (found.status, found.reason, found.amount) == ("needs_response", "fraudulent", 1_000)
    (taken,) = found.balance_transactions
    assert (taken.type, taken.reporting_category) == ("adjustment", "dispute")
    assert (taken.amount, taken.fee, taken.net) == (-1_000, 1_500, -2_500)
    assert found.is_charge_refundable is False
    charge = await desk.client.v1.charges.retrieve_async(str(found.charge))
    assert charge.disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"

    bribe: Any = {"evidence": {"bribe": "x"}}
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await disputes.update_async(found.id, bribe)
    assert unknown.value.code == "parameter_unknown"
    draft = await disputes.update_async(
        found.id, {"evidence": {"product_description": "A key."}, "submit": False}
    )
    assert (draft.status, draft.evidence_details.submission_count) == ("needs_response", 0)
    won = await disputes.update_async(
        found.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    )
    assert (won.status, won.evidence.product_description) == ("won", "A key.")
    assert [one.net for one in won.balance_transactions] == [-2_500, 2_500]
    with pytest.raises(stripe.InvalidRequestError):
        await disputes.update_async(found.id, {"evidence": {"product_description": "Late."}})
    told = [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]
    await eventually(lambda: len(shop.types(about=found.id)) == len(told))
    assert sorted(shop.types(about=found.id)) == sorted(told)
    refund = await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"


async def test_an_inquiry_takes_nothing_until_it_is_escalated(desk: Desk) -> None:
    disputes = desk.client.v1.disputes
    intent = await desk.paid(payment_method="pm_card_createDisputeInquiry")
    (found,) = (await disputes.list_async()).data
    assert (found.status, found.balance_transactions) == ("warning_needs_response", [])
    assert found.is_charge_refundable is True
    path = f"/_sandbox/disputes/{found.id}/decide"
    (await desk.http.post(path, json={"outcome": "escalated"})).raise_for_status()
    now = await disputes.retrieve_async(found.id)
    assert (now.status, [one.net for one in now.balance_transactions]) == (
        "needs_response",
        [-2_500],
    )
    lost = await disputes.close_async(found.id)
    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    with pytest.raises(stripe.InvalidRequestError):
        await disputes.close_async(found.id)
    again = await desk.http.post(path, json={"outcome": "won"})
    assert again.status_code == 400
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"

    other = await desk.paid(payment_method="pm_card_createDisputeInquiry")
    await desk.client.v1.refunds.create_async({"payment_intent": other.id})
    (ended,) = (await disputes.list_async({"payment_intent": other.id})).data
    assert (ended.status, ended.balance_transactions) == ("warning_closed", [])


async def test_the_desk_disputes_a_part_of_what_was_paid_and_no_more(desk: Desk) -> None:
    intent = await desk.paid()
    path = f"/_sandbox/intents/{intent.id}/dispute"
    wishes = ({"amount": 1_001}, {"amount": 0}, {"amount": "much"}, {"because": "so"})
    for wish in wishes:
        assert (await desk.http.post(path, json=wish)).status_code == 400
    waiting = await desk.waiting()
    nothing = await desk.http.post(f"/_sandbox/intents/{waiting.id}/dispute", json={})
    assert nothing.status_code == 400
    assert (await desk.client.v1.disputes.list_async()).data == []
    due_by = 1
    opened = await desk.http.post(
        path, json={"amount": 400, "reason": "duplicate", "due_by": due_by}
    )
    dispute_id = opened.json()["id"]
    found = await desk.client.v1.disputes.retrieve_async(dispute_id)
    assert (found.amount, found.reason) == (400, "duplicate")
    with pytest.raises(stripe.InvalidRequestError):
        await desk.client.v1.disputes.update_async(
            dispute_id, {"evidence": {"product_description": "Too late."}}
        )
    decided = await desk.http.post(
        f"/_sandbox/disputes/{dispute_id}/decide", json={"outcome": "won", "fee_back": False}
    )
    assert [one["net"] for one in decided.json()["balance_transactions"]] == [-1_900, 400]
