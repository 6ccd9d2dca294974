"""The life of a payment intent, seen by the real client."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import stripe

from sandbox_desk import Desk, Shop, eventually


async def test_a_card_that_works_is_charged_at_once_and_the_fee_is_known(desk: Desk) -> None:
    intent = await desk.paid(metadata={"order": "7"}, expand=["latest_charge.balance_transaction"])

    assert (intent.status, intent.amount_received, intent.livemode) == ("succeeded", 1_000, False)
    assert intent.metadata["order"] == "7"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.paid, charge.captured, charge.payment_intent) == (True, True, intent.id)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    assert (entry.amount, entry.fee, entry.net) == (1_000, 59, 941)


async def test_an_intent_goes_from_method_to_confirmation_to_paid(desk: Desk) -> None:
    intents = desk.client.v1.payment_intents
    intent = await intents.create_async(
        {"amount": 500, "currency": "USD", "allowed_payment_method_types": ["card"]}
    )
    assert (intent.status, intent.currency) == ("requires_payment_method", "usd")

    intent = await intents.update_async(intent.id, {"payment_method": "pm_card_visa"})
    assert intent.status == "requires_confirmation"

    intent = await intents.confirm_async(intent.id)
    assert intent.status == "succeeded"


async def test_an_intent_that_names_no_types_takes_all_of_the_account(desk: Desk) -> None:
    intent = await desk.client.v1.payment_intents.create_async({"amount": 500, "currency": "cny"})
    assert intent.payment_method_types == ["card", "alipay", "wechat_pay"]

    without_redirects = await desk.client.v1.payment_intents.create_async(
        {
            "amount": 500,
            "currency": "cny",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert without_redirects.payment_method_types == ["card", "wechat_pay"]


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_a_declined_card_is_an_error_that_leaves_a_failed_attempt(
    desk: Desk, shop: Shop, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await desk.paid(payment_method=method)

    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert refused.value.error is not None
    assert refused.value.error.decline_code == decline_code
    told = refused.value.error.payment_intent
    assert told is not None
    intent = await desk.client.v1.payment_intents.retrieve_async(
        told.id, {"expand": ["latest_charge"]}
    )
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == code
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.status, intent.latest_charge.failure_code) == ("failed", code)
    await eventually(lambda: "payment_intent.payment_failed" in shop.types(about=intent.id))


async def test_a_declined_payment_may_be_tried_again_with_another_card(desk: Desk) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await desk.paid(payment_method="pm_card_chargeDeclined")
    assert refused.value.error is not None
    assert refused.value.error.payment_intent is not None

    intent = await desk.client.v1.payment_intents.confirm_async(
        refused.value.error.payment_intent.id, {"payment_method": "pm_card_mastercard"}
    )

    assert (intent.status, intent.last_payment_error) == ("succeeded", None)


async def test_a_card_that_authenticates_redirects_and_is_charged_after_approval(
    desk: Desk, shop: Shop
) -> None:
    intent = await desk.paid(
        payment_method="pm_card_authenticationRequired", return_url="https://shop.example/back"
    )
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/back"
    address = urlsplit(str(intent.next_action.redirect_to_url.url))
    assert address.path == f"/approve/{intent.id}"

    approved = await desk.approve(intent.id)

    assert (approved.status_code, approved.json()["status"]) == (200, "succeeded")
    assert approved.json()["next_action"] is None
    await eventually(lambda: "payment_intent.succeeded" in shop.types(about=intent.id))
    assert set(shop.types(about=intent.id)) == {
        "payment_intent.created",
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
    }


async def test_a_challenge_may_be_forced_and_without_an_address_it_is_left_to_the_script(
    desk: Desk,
) -> None:
    intent = await desk.paid(
        payment_method_options={"card": {"request_three_d_secure": "challenge"}}
    )
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"


async def test_a_refused_authentication_fails_the_attempt_and_charges_nothing(desk: Desk) -> None:
    intent = await desk.paid(
        payment_method="pm_card_authenticationRequired", return_url="https://shop.example/back"
    )

    refused = (await desk.refuse(intent.id)).json()

    assert (refused["status"], refused["latest_charge"]) == ("requires_payment_method", None)
    assert refused["last_payment_error"]["code"] == "payment_intent_authentication_failure"


async def test_alipay_hands_over_a_redirect_and_is_paid_after_approval(desk: Desk) -> None:
    intent = await desk.waiting("alipay")
    assert intent.next_action is not None
    assert intent.next_action.type == "alipay_handle_redirect"
    redirect = intent.next_action.alipay_handle_redirect
    assert redirect is not None
    assert redirect.return_url == "https://shop.example/return?order=7"
    assert dict(parse_qsl(urlsplit(str(redirect.url)).query)) == {
        "client_secret": intent.client_secret
    }

    approved = (await desk.approve(intent.id)).json()

    assert (approved["status"], approved["latest_charge"][:3]) == ("succeeded", "py_")


async def test_wechat_pay_shows_a_code_and_fails_when_it_is_refused(desk: Desk) -> None:
    intent = await desk.waiting("wechat_pay")
    assert intent.next_action is not None
    code = intent.next_action.wechat_pay_display_qr_code
    assert code is not None
    assert code.image_data_url.startswith("data:image/png;base64,")
    assert code.hosted_instructions_url == code.data
    assert (await desk.http.get(code.hosted_instructions_url)).status_code == 200
    assert (await desk.http.get(code.image_url_png)).content.startswith(b"\x89PNG")
    assert b"<svg" in (await desk.http.get(code.image_url_svg)).content

    refused = (await desk.refuse(intent.id)).json()

    assert refused["status"] == "requires_payment_method"
    assert refused["last_payment_error"]["code"] == "payment_intent_payment_attempt_failed"


async def test_an_authorized_amount_is_captured_in_part(desk: Desk, shop: Shop) -> None:
    intent = await desk.paid(capture_method="manual", expand=["latest_charge"])
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1_000)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.captured is False

    captured = await desk.client.v1.payment_intents.capture_async(
        intent.id, {"amount_to_capture": 400}
    )

    assert (captured.status, captured.amount_received) == ("succeeded", 400)
    assert captured.amount_capturable == 0
    await eventually(lambda: "payment_intent.succeeded" in shop.types(about=intent.id))
    assert set(shop.types(about=intent.id)) == {
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    }


async def test_more_than_was_authorized_cannot_be_captured(desk: Desk) -> None:
    intent = await desk.paid(capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 1_001})
    assert refused.value.code == "amount_too_large"
    kept = await desk.client.v1.payment_intents.retrieve_async(intent.id)
    assert (kept.status, kept.amount_capturable) == ("requires_capture", 1_000)


async def test_a_canceled_authorization_releases_what_it_held(desk: Desk, shop: Shop) -> None:
    intent = await desk.paid(capture_method="manual")

    canceled = await desk.client.v1.payment_intents.cancel_async(
        intent.id,
        {"cancellation_reason": "requested_by_customer", "expand": ["latest_charge"]},
    )

    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert canceled.cancellation_reason == "requested_by_customer"
    assert isinstance(canceled.latest_charge, stripe.Charge)
    assert canceled.latest_charge.refunded is True
    await eventually(lambda: "payment_intent.canceled" in shop.types(about=intent.id))


async def test_a_slow_bank_keeps_the_payment_in_processing_until_it_is_done(
    desk: Desk, shop: Shop
) -> None:
    await desk.fault(processing={"seconds": None})
    intent = await desk.waiting("alipay")
    assert (await desk.approve(intent.id)).json()["status"] == "processing"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.payment_intents.cancel_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"

    await desk.clear_faults()

    await eventually(lambda: "payment_intent.succeeded" in shop.types(about=intent.id))
    paid = await desk.client.v1.payment_intents.retrieve_async(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 1_000)
    assert "payment_intent.processing" in shop.types(about=intent.id)


async def test_a_slow_bank_may_refuse_in_the_end(desk: Desk, shop: Shop) -> None:
    await desk.fault(processing={"seconds": 0.1, "outcome": "failed"})
    intent = await desk.paid(expand=["latest_charge"])
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.status, intent.latest_charge.status) == ("processing", "pending")

    await eventually(lambda: "payment_intent.payment_failed" in shop.types(about=intent.id))

    failed = await desk.client.v1.payment_intents.retrieve_async(
        intent.id, {"expand": ["latest_charge"]}
    )
    assert isinstance(failed.latest_charge, stripe.Charge)
    assert (failed.status, failed.latest_charge.status) == ("requires_payment_method", "failed")


@pytest.mark.parametrize("step", ["confirm", "cancel", "capture", "approve", "refuse", "reprice"])
async def test_a_paid_intent_allows_no_other_step(desk: Desk, step: str) -> None:
    intent = await desk.paid()
    intents = desk.client.v1.payment_intents
    if step in ("approve", "refuse"):
        answer = await (desk.approve if step == "approve" else desk.refuse)(intent.id)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "payment_intent_unexpected_state"
    else:
        steps: dict[str, Any] = {
            "confirm": lambda: intents.confirm_async(intent.id),
            "cancel": lambda: intents.cancel_async(intent.id),
            "capture": lambda: intents.capture_async(intent.id),
            "reprice": lambda: intents.update_async(intent.id, {"amount": 2_000}),
        }
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await steps[step]()
        assert refused.value.code == "payment_intent_unexpected_state"
    assert (await intents.retrieve_async(intent.id)).status == "succeeded"


async def test_metadata_merges_and_an_empty_value_removes_its_key(desk: Desk) -> None:
    intent = await desk.paid(metadata={"order": "7", "note": "gift"})
    intents = desk.client.v1.payment_intents

    changed = await intents.update_async(intent.id, {"metadata": {"note": "", "shop": "a"}})
    assert changed.metadata.to_dict() == {"order": "7", "shop": "a"}

    cleared = await intents.update_async(intent.id, {"metadata": ""})
    assert cleared.metadata.to_dict() == {}


async def test_lists_are_paged_newest_first_and_expand_their_items(desk: Desk) -> None:
    made = [(await desk.paid()).id for _ in range(5)]

    page = await desk.client.v1.payment_intents.list_async(
        {"limit": 2, "expand": ["data.latest_charge"]}
    )
    walked = [intent.id async for intent in page.auto_paging_iter()]

    assert page.has_more is True
    assert isinstance(page.data[0].latest_charge, stripe.Charge)
    assert walked == made[::-1]
    before = await desk.client.v1.payment_intents.list_async({"ending_before": made[3]})
    assert [intent.id for intent in before.data] == [made[4]]
    none = await desk.client.v1.payment_intents.list_async({"created": {"lt": 1_000}})
    assert none.data == []


async def test_the_balance_is_what_its_entries_add_up_to(desk: Desk) -> None:
    intent = await desk.paid()
    await desk.client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 300})

    entries = await desk.client.v1.balance_transactions.list_async()
    balance = await desk.client.v1.balance.retrieve_async()

    assert sorted(entry.net for entry in entries.data) == [-300, 941]
    assert [(part.amount, part.currency) for part in balance.pending] == [(641, "cny")]
