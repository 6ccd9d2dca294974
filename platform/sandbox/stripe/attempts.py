"""One attempt to pay an intent: what the payment method makes of it, and how it ends."""

from sandbox.stripe import charges, disputes, timers
from sandbox.stripe.customers import kept
from sandbox.stripe.errors import CardDeclined
from sandbox.stripe.events import emit
from sandbox.stripe.faults import Undecided
from sandbox.stripe.next_actions import next_action
from sandbox.stripe.payment_methods import CARD
from sandbox.stripe.test_cards import GENERIC_DECLINE, Decline, by_last4
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work

_FORCED_CHALLENGE = ("any", "challenge")


def attempt(work: Work, intent: Json, *, method: Json, return_url: str | None) -> Json:
    """Try to pay: it succeeds, waits for the buyer, or raises CardDeclined."""
    if _asks_buyer(intent, method=method):
        return _require_action(work, intent, method=method, return_url=return_url)
    return complete(work, intent, method=method)


def complete(work: Work, intent: Json, *, method: Json) -> Json:
    """Charge the method now that nothing more is asked of the buyer.

    Raises CardDeclined when the card's bank refuses; the failed attempt stays written.
    """
    if method["type"] == CARD:
        decline = _decline(method)
        if decline is not None:
            intent = decline_card(work, intent, method=method, decline=decline)
            raise _card_error(intent, method=method)
    if intent["capture_method"] == "manual":
        return _authorize(work, intent, method=method)
    undecided = work.faults.plan.processing
    if undecided is not None:
        return _start_processing(work, intent, method=method, fault=undecided)
    charge = charges.open_charge(work, intent=intent, method=method, status="succeeded")
    return succeed(work, intent, charge=charge, amount_minor=intent["amount"])


def succeed(work: Work, intent: Json, *, charge: Json, amount_minor: int) -> Json:
    """Take the money and end the intent as succeeded."""
    was_authorized = intent["status"] == "requires_capture"
    charge = charges.capture(work, charge, amount_minor=amount_minor)
    intent |= _at_rest("succeeded")
    intent |= {"amount_received": amount_minor, "latest_charge": charge["id"]}
    work.store.save(intent)
    _keep_method(work, intent)
    emit(work, "charge.captured" if was_authorized else "charge.succeeded", charge)
    emit(work, "payment_intent.succeeded", intent)
    _dispute_as_card_does(work, charge)
    return intent


def _dispute_as_card_does(work: Work, charge: Json) -> None:
    """Some test cards dispute what they have paid at once."""
    details = charge["payment_method_details"]
    wish = by_last4(details[CARD]["last4"]).dispute if details["type"] == CARD else None
    if wish is not None:
        disputes.open_dispute(work, charge, reason=wish.reason, inquiry=wish.inquiry)


def refuse(work: Work, intent: Json, *, method: Json) -> Json:
    """Fail as the buyer's wish: a challenge or a page that was not approved, a card declined."""
    if intent["status"] != "requires_action" and method["type"] == CARD:
        return decline_card(work, intent, method=method, decline=GENERIC_DECLINE)
    return fail(
        work,
        intent,
        method=method,
        code=(
            "payment_intent_authentication_failure"
            if method["type"] == CARD
            else "payment_intent_payment_attempt_failed"
        ),
        message="The customer did not approve the payment.",
    )


def fail(
    work: Work,
    intent: Json,
    *,
    method: Json,
    code: str,
    message: str,
    decline_code: str | None = None,
    charge: Json | None = None,
) -> Json:
    """End an attempt as failed: the intent needs another payment method."""
    error = {
        "code": code,
        "doc_url": "https://stripe.com/docs/error-codes/" + code.replace("_", "-"),
        "message": message,
        "payment_method": public(method),
        "type": "card_error" if method["type"] == CARD else "invalid_request_error",
    }
    if decline_code is not None:
        error["decline_code"] = decline_code
    intent |= _at_rest("requires_payment_method")
    intent |= {"payment_method": None, "last_payment_error": error}
    if charge is not None:
        charges.fail(work, charge, code=code, decline_code=decline_code, message=message)
        error["charge"] = intent["latest_charge"] = charge["id"]
        emit(work, "charge.failed", charge)
    work.store.save(intent)
    emit(work, "payment_intent.payment_failed", intent)
    return intent


def decline_card(work: Work, intent: Json, *, method: Json, decline: Decline) -> Json:
    """Write the bank's refusal of a card: a failed charge, a failed attempt."""
    charge = charges.open_charge(work, intent=intent, method=method, status="failed")
    return fail(
        work,
        intent,
        method=method,
        code=decline.code,
        decline_code=decline.decline_code,
        message=decline.message,
        charge=charge,
    )


def end_processing(work: Work, *, intent_id: str, succeeded: bool) -> None:
    """End a payment that the bank took its time over."""
    intent = work.intent(intent_id)
    charge = work.charge(intent["latest_charge"])
    if succeeded:
        succeed(work, intent, charge=charge, amount_minor=intent["amount"])
        return
    method = work.store.get(kind="payment_method", object_id=intent["payment_method"])
    fail(
        work,
        intent,
        method=method,
        code="payment_intent_payment_attempt_failed",
        message="The payment failed.",
        charge=charge,
    )


def _decline(method: Json) -> Decline | None:
    card = by_last4(method["card"]["last4"])
    if card.declines_when_kept and method["customer"] is not None:
        return GENERIC_DECLINE
    return card.decline


def _keep_method(work: Work, intent: Json) -> None:
    """Keep the method for the customer, where the shop has asked for that."""
    if intent["setup_future_usage"] is None or intent["customer"] is None:
        return
    method = work.store.get(kind="payment_method", object_id=intent["payment_method"])
    kept(work, method, customer_id=intent["customer"])


def _card_error(intent: Json, *, method: Json) -> CardDeclined:
    error = intent["last_payment_error"]
    more = {"decline_code": error["decline_code"]} if "decline_code" in error else {}
    return CardDeclined(
        error["message"],
        code=error["code"],
        charge=error["charge"],
        payment_intent=public(intent),
        payment_method=public(method),
        **more,
    )


def _asks_buyer(intent: Json, *, method: Json) -> bool:
    if method["type"] != CARD:
        return True
    options = intent["payment_method_options"].get(CARD, {})
    forced = options.get("request_three_d_secure") in _FORCED_CHALLENGE
    return forced or by_last4(method["card"]["last4"]).authenticates


def _require_action(work: Work, intent: Json, *, method: Json, return_url: str | None) -> Json:
    action = next_action(work, intent, method=method, return_url=return_url)
    intent |= {"status": "requires_action", "next_action": action, "last_payment_error": None}
    work.store.save(intent)
    emit(work, "payment_intent.requires_action", intent)
    return intent


def _authorize(work: Work, intent: Json, *, method: Json) -> Json:
    charge = charges.open_charge(work, intent=intent, method=method, status="succeeded")
    intent |= _at_rest("requires_capture")
    intent |= {"amount_capturable": intent["amount"], "latest_charge": charge["id"]}
    work.store.save(intent)
    emit(work, "charge.succeeded", charge)
    emit(work, "payment_intent.amount_capturable_updated", intent)
    return intent


def _start_processing(work: Work, intent: Json, *, method: Json, fault: Undecided) -> Json:
    charge = charges.open_charge(work, intent=intent, method=method, status="pending")
    intent |= _at_rest("processing")
    intent["latest_charge"] = charge["id"]
    work.store.save(intent)
    emit(work, "charge.pending", charge)
    emit(work, "payment_intent.processing", intent)
    timers.set_timer(work, noun="payment", object_id=intent["id"], fault=fault)
    return intent


def _at_rest(status: str) -> Json:
    return {
        "status": status,
        "next_action": None,
        "last_payment_error": None,
        "amount_capturable": 0,
    }
