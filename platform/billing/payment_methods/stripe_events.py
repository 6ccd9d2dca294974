"""Stripe's webhooks: the signature, and the one report that an event of ours makes."""

from collections.abc import Callable
from typing import Any, Final

import orjson
import stripe

from billing.payment_methods import (
    stripe_api,
    stripe_disputes,
    stripe_intents,
    stripe_sessions,
)
from billing.payment_methods.base import ChannelReport, ChannelState, Hint
from billing.payment_methods.disputes import DisputeReport
from billing.payment_methods.stripe_answers import ForgedEvent as ForgedEvent
from billing.payment_methods.stripe_answers import word
from kernel.settings import settings

_TOLERANCE_SECONDS = stripe.Webhook.DEFAULT_TOLERANCE

NEEDED_EVENTS: Final = (
    "payment_intent.succeeded",
    "payment_intent.canceled",
    *stripe_disputes.EVENTS,
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
"""What the webhook's endpoint has to be told; the others are understood, and change nothing."""

_INTENT_STATES: Final[dict[str, ChannelState]] = {
    "payment_intent.succeeded": "SUCCEEDED",
    "payment_intent.canceled": "CANCELED",
    "payment_intent.payment_failed": "PENDING",
    "payment_intent.processing": "PENDING",
    "payment_intent.requires_action": "PENDING",
    "payment_intent.created": "PENDING",
}


_HINTS: Final = ("transfer.reversed", "transfer.updated")
OF_CONNECTED_ACCOUNTS: Final = "account.updated"
Report = ChannelReport | DisputeReport | Hint


def read_webhook(body: bytes, signature: str) -> Report | None:
    """The report inside a webhook, or that it is time to look at something; None for an event that
    says nothing of what is ours.

    Raises `ForgedEvent` for a signature that is missing, old or wrong, for another account or
    mode, and for anything that is not an event.
    """
    config = settings()
    secret = config.stripe_webhook_secret.get_secret_value()
    if not secret:
        raise ForgedEvent("no signing secret is set")
    try:
        # Asked for the signature only: the library's objects cost more than all else in a webhook.
        _verify(body, signature, secret)
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


def _verify(body: bytes, signature: str, secret: str) -> None:
    """Raise what the library raises unless one of our two endpoints' secrets has signed it: what
    connected accounts do is told to an endpoint of its own."""
    more = settings().stripe_connect_webhook_secret.get_secret_value()
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, _TOLERANCE_SECONDS)
    except stripe.SignatureVerificationError:
        if not more:
            raise
        stripe.WebhookSignature.verify_header(body, signature, more, _TOLERANCE_SECONDS)


def _read_event(event: Any, *, account: str) -> Report | None:
    stripe_api.require_mode(event["livemode"])
    if event["object"] != "event":
        raise ForgedEvent("not an event")
    if event["type"] == OF_CONNECTED_ACCOUNTS:
        # Of an account of others': whose it is, and what it can do, is asked.
        return Hint(word(event["account"]))
    if (event.get("account") or "") != account:
        raise ForgedEvent("another account's event")
    read = _READERS.get(word(event["type"]))
    return read(event) if read is not None else None


def _of_intent(event: Any) -> ChannelReport:
    return stripe_intents.report_of(
        event["data"]["object"],
        event_id=event["id"],
        kind=event["type"],
        state=_INTENT_STATES[event["type"]],
    )


def _of_dispute(event: Any) -> DisputeReport | None:
    return stripe_disputes.report_of(
        event["data"]["object"], event_id=event["id"], kind=event["type"]
    )


def _of_session(event: Any) -> ChannelReport:
    return stripe_sessions.report_of(
        event["data"]["object"],
        event_id=event["id"],
        kind=event["type"],
        state=stripe_sessions.EVENT_STATES[event["type"]],
    )


def _hint(event: Any) -> Hint:
    return Hint(word(event["data"]["object"]["id"]))


_READERS: Final[dict[str, Callable[[Any], Report | None]]] = {
    **dict.fromkeys(_INTENT_STATES, _of_intent),
    **dict.fromkeys(stripe_disputes.EVENTS, _of_dispute),
    **dict.fromkeys(_HINTS, _hint),
    **dict.fromkeys(stripe_sessions.EVENT_STATES, _of_session),
}
"""Who reads an event, by its type."""
