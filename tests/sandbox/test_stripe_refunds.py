"""Refunds: within what was captured, at once or later, and sometimes not at all."""

import pytest
import stripe

from sandbox_desk import Desk, Shop, eventually


async def test_refunds_add_up_to_the_payment_and_not_beyond(desk: Desk, shop: Shop) -> None:
    intent = await desk.paid()
    refunds = desk.client.v1.refunds
    first = await refunds.create_async(
        {
            "payment_intent": intent.id,
            "amount": 300,
            "reason": "requested_by_customer",
            "metadata": {"refund": "1"},
            "expand": ["charge", "balance_transaction"],
        }
    )
    assert (first.status, first.amount) == ("succeeded", 300)
    assert first.metadata is not None
    assert first.metadata.to_dict() == {"refund": "1"}
    assert isinstance(first.charge, stripe.Charge)
    assert (first.charge.amount_refunded, first.charge.refunded) == (300, False)
    assert isinstance(first.balance_transaction, stripe.BalanceTransaction)
    assert (first.balance_transaction.net, first.balance_transaction.fee) == (-300, 0)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refunds.create_async({"payment_intent": intent.id, "amount": 701})
    assert refused.value.param == "amount"

    rest = await refunds.create_async({"charge": first.charge.id})
    assert rest.amount == 700
    with pytest.raises(stripe.InvalidRequestError) as over:
        await refunds.create_async({"payment_intent": intent.id})
    assert over.value.code == "charge_already_refunded"

    listed = await refunds.list_async({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert (await refunds.retrieve_async(first.id)).amount == 300
    await eventually(lambda: shop.types(about=intent.id).count("charge.refunded") == 2)
    assert shop.types(about=intent.id).count("refund.created") == 2


async def test_what_was_not_captured_cannot_be_refunded(desk: Desk) -> None:
    authorized = await desk.paid(capture_method="manual")
    waiting = await desk.waiting()
    for intent in (authorized, waiting):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
        assert refused.value.http_status == 400
    with pytest.raises(stripe.InvalidRequestError) as unnamed:
        await desk.client.v1.refunds.create_async({"amount": 5})
    assert unnamed.value.code == "parameter_missing"
    assert (await desk.client.v1.refunds.list_async()).data == []


async def test_only_the_captured_part_can_be_refunded(desk: Desk) -> None:
    intent = await desk.paid(capture_method="manual")
    await desk.client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 400})
    with pytest.raises(stripe.InvalidRequestError):
        await desk.client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 401})
    refund = await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.amount == 400


async def test_a_refund_retried_with_its_key_happens_once(desk: Desk) -> None:
    intent = await desk.paid()
    made = {
        (
            await desk.client.v1.refunds.create_async(
                {"payment_intent": intent.id, "amount": 300}, {"idempotency_key": "refund-1"}
            )
        ).id
        for _ in range(3)
    }
    assert len(made) == 1
    charge = (await desk.client.v1.charges.list_async({"payment_intent": intent.id})).data[0]
    assert charge.amount_refunded == 300


async def test_a_pending_refund_succeeds_after_a_while(desk: Desk, shop: Shop) -> None:
    await desk.fault(refund_pending={"seconds": 0.2})
    intent = await desk.paid()
    refund = await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "pending"

    await eventually(lambda: "refund.updated" in shop.types(about=refund.id))

    assert (await desk.client.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    event = next(event for event in shop.events if event["type"] == "refund.updated")
    assert event["data"]["previous_attributes"] == {"status": "pending"}


async def test_a_failed_refund_gives_the_money_back_to_the_shop(desk: Desk, shop: Shop) -> None:
    await desk.fault(refund_pending={"seconds": None, "outcome": "failed"})
    intent = await desk.paid()
    refund = await desk.client.v1.refunds.create_async({"payment_intent": intent.id})

    await desk.clear_faults()

    await eventually(lambda: "refund.failed" in shop.types(about=refund.id))
    failed = await desk.client.v1.refunds.retrieve_async(refund.id, {"expand": ["charge"]})
    assert (failed.status, failed.failure_reason) == ("failed", "declined")
    assert isinstance(failed.charge, stripe.Charge)
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    balance = await desk.client.v1.balance.retrieve_async()
    assert balance.pending[0].amount == 941


async def test_a_refund_keeps_notes(desk: Desk) -> None:
    intent = await desk.paid()
    refund = await desk.client.v1.refunds.create_async({"payment_intent": intent.id})
    noted = await desk.client.v1.refunds.update_async(refund.id, {"metadata": {"ticket": "9"}})
    assert noted.metadata is not None
    assert noted.metadata.to_dict() == {"ticket": "9"}
