"""Stripe PaymentIntents: the channel behind card, Alipay and WeChat Pay.

What Stripe is asked stands here, how it is sent in `stripe_wire.py`. The API key decides whether
money is real: an answer whose `livemode` does not fit the key is refused like a forged one.
"""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
import stripe

from billing.payment_methods import stripe_answers
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    ChannelState,
    ChannelUnavailable,
    Started,
)
from billing.payment_methods.stripe_wire import StripeWire
from kernel.log import get_logger
from kernel.money import MAX_AMOUNT_MINOR
from kernel.settings import settings

PROVIDER = "stripe"
_INTENTS = "/v1/payment_intents"
_REFUNDS = "/v1/refunds"
_TOLERANCE_SECONDS = stripe.Webhook.DEFAULT_TOLERANCE
_OUR_FAULT = ("balance_insufficient", "api_key_expired", "platform_api_key_expired")
log = get_logger(__name__)

_STATES: dict[str, ChannelState] = {
    "succeeded": "SUCCEEDED",
    "canceled": "CANCELED",
    "requires_payment_method": "PENDING",
    "requires_confirmation": "PENDING",
    "requires_action": "PENDING",
    "requires_capture": "PENDING",
    "processing": "PENDING",
}
NEEDED_EVENTS = ("payment_intent.succeeded", "payment_intent.canceled")
"""What the webhook's endpoint has to be told; the others are understood, and change nothing."""
_EVENT_STATES: dict[str, ChannelState] = {
    "payment_intent.succeeded": "SUCCEEDED",
    "payment_intent.canceled": "CANCELED",
    "payment_intent.payment_failed": "PENDING",
    "payment_intent.processing": "PENDING",
    "payment_intent.requires_action": "PENDING",
    "payment_intent.created": "PENDING",
}


_WORD = re.compile(r"[!-~]{1,255}")
_CURRENCY = re.compile(r"[a-z]{3}")


class ForgedEvent(ChannelRefused):
    """A webhook that the channel did not send for us, or that cannot be read."""


@lru_cache(maxsize=1)
def client() -> stripe.StripeClient:
    """The process's client; retries are ours (the poller), not the library's."""
    config = settings()
    return stripe.StripeClient(
        config.stripe_api_key.get_secret_value(),
        base_addresses={"api": config.stripe_api_url},
        http_client=StripeWire(timeout_seconds=config.stripe_timeout_seconds),
        max_network_retries=0,
    )


async def create(ask: Ask, *, method_type: str, confirm: dict[str, Any]) -> Started:
    """Make the intent; the payment's id is the idempotency key, so a repeat finds the same one."""
    params: dict[str, Any] = {
        "amount": ask.amount_minor,
        "currency": ask.currency.lower(),
        "allowed_payment_method_types": [method_type],
        "description": ask.description,
        "metadata": {"payment_id": str(ask.payment_id)},
        **confirm,
    }
    if confirm:
        params["return_url"] = ask.return_url
    intent = await _ask("post", _INTENTS, idempotency_key=str(ask.payment_id), **params)
    _require_answer_of_our_mode(intent)
    return stripe_answers.started(intent)


async def resume(provider_ref: str) -> Started:
    """Where the buyer goes on with an intent that was made before."""
    intent = await _intent(provider_ref)
    return stripe_answers.started(intent)


async def find_refund(*, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
    """A refund that was asked for before its answer was lost; None when there is none.

    The channel forgets idempotency keys after a day: whoever tries again looks first.
    """
    page = await _ask("get", _REFUNDS, payment_intent=provider_ref, limit=100)
    with stripe_answers.reading():
        for made in page["data"]:
            if (made["metadata"] or {}).get("refund_id") == str(refund_id):
                return stripe_answers.refunded(made)
    return None


async def look(provider_ref: str) -> ChannelReport:
    """The intent as it stands; the event id is made of what it says, so a repeat is no news."""
    intent = await _intent(provider_ref)
    try:
        with stripe_answers.reading():
            return _report(
                intent,
                event_id=f"look:{intent['id']}:{intent['status']}",
                kind="look",
                state=_STATES.get(intent["status"], "PENDING"),
            )
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange


async def cancel(provider_ref: str) -> None:
    """Cancel an intent that is still open; one that has ended stays as it is."""
    try:
        await _ask("post", f"{_INTENTS}/{quote(provider_ref, safe='')}/cancel")
    except ChannelRefused:
        return


async def refund(*, refund_id: UUID, provider_ref: str, amount_minor: int) -> tuple[str, bool]:
    """Refund a part of an intent; the refund's id is the idempotency key."""
    made = await _ask(
        "post",
        _REFUNDS,
        idempotency_key=str(refund_id),
        payment_intent=provider_ref,
        amount=amount_minor,
        metadata={"refund_id": str(refund_id)},
    )
    return stripe_answers.refunded(made)


async def look_refund(refund_ref: str) -> bool | None:
    """True: done. False: failed or canceled. None: still on its way."""
    found = await _ask("get", f"{_REFUNDS}/{quote(refund_ref, safe='')}")
    status = stripe_answers.refund_status(found)
    if status == "succeeded":
        return True
    return False if status in ("failed", "canceled") else None


def read_webhook(body: bytes, signature: str) -> ChannelReport | None:
    """The report inside a webhook; None for an event that says nothing of a payment of ours.

    Raises `ForgedEvent` for a signature that is missing, old or wrong, for another account or
    mode, and for anything that is not an event.
    """
    config = settings()
    secret = config.stripe_webhook_secret.get_secret_value()
    if not secret:
        raise ForgedEvent("no signing secret is set")
    try:
        # Asked for the signature only: the library's objects cost more than all else in a webhook.
        stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE_SECONDS)
        return _read_event(orjson.loads(body), account=config.stripe_account)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        stripe.SignatureVerificationError,
    ):
        # The library lets malformed bodies through as TypeError, UnicodeDecodeError and the like.
        raise ForgedEvent("not a genuine event") from None


def _read_event(event: Any, *, account: str) -> ChannelReport | None:
    _require_mode(event["livemode"])
    if event["object"] != "event":
        raise ForgedEvent("not an event")
    if (event.get("account") or "") != account:
        raise ForgedEvent("another account's event")
    state = _EVENT_STATES.get(_word(event["type"]))
    if state is None:
        return None
    intent = event["data"]["object"]
    return _report(intent, event_id=event["id"], kind=event["type"], state=state)


def _report(intent: Any, *, event_id: str, kind: str, state: ChannelState) -> ChannelReport:
    """What is said of an intent. Raises `ForgedEvent` where no intent could say so: what is let
    through here is written down, and money of that amount and currency is owed back."""
    succeeded = state == "SUCCEEDED"
    paid = intent["amount_received"] if succeeded else intent["amount"]
    if intent["object"] != "payment_intent":
        raise ForgedEvent("not about a payment")
    return ChannelReport(
        provider=PROVIDER,
        event_id=_word(event_id),
        kind=kind,
        state=state,
        provider_ref=_word(intent["id"]),
        payment_id=_payment_id(intent),
        amount_minor=_amount(paid, at_least=1 if succeeded else 0),
        currency=_currency(intent["currency"]),
    )


def _word(text: Any) -> str:
    if not isinstance(text, str) or _WORD.fullmatch(text) is None:
        raise ForgedEvent("not an id or a type")
    return text


def _amount(amount_minor: Any, *, at_least: int) -> int:
    if type(amount_minor) is not int or not at_least <= amount_minor <= MAX_AMOUNT_MINOR:
        raise ForgedEvent("not an amount")
    return amount_minor


def _currency(code: Any) -> str:
    if not isinstance(code, str) or _CURRENCY.fullmatch(code) is None:
        raise ForgedEvent("not a currency")
    return code.upper()


def _payment_id(intent: Any) -> UUID | None:
    try:
        return UUID(intent["metadata"]["payment_id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _require_mode(livemode: bool) -> None:
    key = settings().stripe_api_key.get_secret_value()
    if bool(livemode) != key.startswith(("sk_live_", "rk_live_")):
        raise ForgedEvent("an event of the other mode")


def _require_answer_of_our_mode(intent: dict[str, Any]) -> None:
    livemode = stripe_answers.livemode(intent)
    try:
        _require_mode(livemode)
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange


async def _intent(provider_ref: str) -> dict[str, Any]:
    intent = await _ask("get", f"{_INTENTS}/{quote(provider_ref, safe='')}")
    _require_answer_of_our_mode(intent)
    return intent


async def _ask(method: str, path: str, **params: Any) -> dict[str, Any]:
    """Ask, give the answer's plain JSON, and sort what is none: try again, or give up."""
    try:
        answer = await client().raw_request_async(method, path, **params)
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise ChannelUnavailable(type(error).__name__) from None
    except stripe.APIError as error:
        raise ChannelUnavailable(type(error).__name__) from None
    except stripe.StripeError as error:
        if error.http_status in (401, 403) or error.code in _OUR_FAULT:
            # A wrong key or an empty account is ours to mend: the payment or refund waits for it.
            log.error("channel_needs_us", status=error.http_status, error_code=error.code)
            raise ChannelUnavailable(type(error).__name__) from None
        if (error.http_status or 0) >= 500 or error.http_status == 409:
            raise ChannelUnavailable(type(error).__name__) from None
        raise ChannelRefused(error.code or type(error).__name__) from None
    return stripe_answers.as_object(answer.data)
