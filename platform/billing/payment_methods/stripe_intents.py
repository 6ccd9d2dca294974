"""Stripe PaymentIntents: the channel behind card, Alipay and WeChat Pay."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import UUID

from billing.payment_methods import stripe_answers, stripe_api
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    ChannelState,
    Started,
)
from billing.payment_methods.stripe_answers import ForgedEvent
from billing.payment_methods.stripe_api import PROVIDER

_INTENTS = "/v1/payment_intents"
_REFUNDS = "/v1/refunds"

_STATES: dict[str, ChannelState] = {
    "succeeded": "SUCCEEDED",
    "canceled": "CANCELED",
    "requires_payment_method": "PENDING",
    "requires_confirmation": "PENDING",
    "requires_action": "PENDING",
    "requires_capture": "PENDING",
    "processing": "PENDING",
}


async def create(
    ask: Ask,
    *,
    method_type: str,
    confirm: Mapping[str, Any] = MappingProxyType({}),
    words: Mapping[str, Any] = MappingProxyType({}),
) -> Started:
    """Make the intent; the payment's id is the idempotency key, so a repeat finds the same one."""
    params: dict[str, Any] = {
        "amount": ask.amount_minor,
        "currency": ask.currency.lower(),
        "allowed_payment_method_types": [method_type],
        "description": ask.description,
        "metadata": {"payment_id": str(ask.payment_id)},
        **words,
        **confirm,
    }
    if confirm:
        params["return_url"] = ask.return_url
    intent = await stripe_api.ask_in_our_mode(
        "post", _INTENTS, idempotency_key=str(ask.payment_id), **params
    )
    started = stripe_answers.started(intent)
    if intent["status"] != "succeeded":
        return started
    return replace(started, report=_looked(intent))


async def resume(provider_ref: str) -> Started:
    """Where the buyer goes on with an intent that was made before."""
    intent = await _intent(provider_ref)
    return stripe_answers.started(intent)


async def find_refund(*, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
    """A refund that was asked for before its answer was lost; None when there is none.

    The channel forgets idempotency keys after a day: whoever tries again looks first.
    """
    page = await stripe_api.ask("get", _REFUNDS, payment_intent=provider_ref, limit=100)
    with stripe_answers.reading():
        for made in page["data"]:
            if (made["metadata"] or {}).get("refund_id") == str(refund_id):
                return stripe_answers.refunded(made)
    return None


async def look(provider_ref: str) -> ChannelReport:
    """The intent as it stands; the event id is made of what it says, so a repeat is no news."""
    return _looked(await _intent(provider_ref))


async def cancel(provider_ref: str) -> None:
    """Cancel an intent that is still open; one that has ended stays as it is."""
    try:
        await stripe_api.ask("post", f"{_INTENTS}/{quote(provider_ref, safe='')}/cancel")
    except ChannelRefused:
        return


async def refund(
    *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
) -> tuple[str, bool]:
    """Refund a part of an intent; the refund's id is the idempotency key, and another one for each
    time that the channel has said that its balance is too small: it would say so again."""
    made = await stripe_api.ask(
        "post",
        _REFUNDS,
        idempotency_key=f"{refund_id}:{asks}" if asks else str(refund_id),
        payment_intent=provider_ref,
        amount=amount_minor,
        metadata={"refund_id": str(refund_id)},
    )
    return stripe_answers.refunded(made)


async def look_refund(refund_ref: str) -> bool | None:
    """True: done. False: failed or canceled. None: still on its way."""
    found = await stripe_api.ask("get", f"{_REFUNDS}/{quote(refund_ref, safe='')}")
    status = stripe_answers.refund_status(found)
    if status == "succeeded":
        return True
    return False if status in ("failed", "canceled") else None


def report_of(intent: Any, *, event_id: str, kind: str, state: ChannelState) -> ChannelReport:
    """What is said of an intent. Raises `ForgedEvent` where no intent could say so: what is let
    through here is written down, and money of that amount and currency is owed back."""
    succeeded = state == "SUCCEEDED"
    paid = intent["amount_received"] if succeeded else intent["amount"]
    if intent["object"] != "payment_intent":
        raise ForgedEvent("not about a payment")
    return ChannelReport(
        provider=PROVIDER,
        event_id=stripe_answers.word(event_id),
        kind=kind,
        state=state,
        provider_ref=stripe_answers.word(intent["id"]),
        payment_id=stripe_answers.payment_id(intent),
        amount_minor=stripe_answers.amount(paid, at_least=1 if succeeded else 0),
        currency=stripe_answers.currency(intent["currency"]),
    )


def _looked(intent: dict[str, Any]) -> ChannelReport:
    try:
        with stripe_answers.reading():
            return report_of(
                intent,
                event_id=f"look:{intent['id']}:{intent['status']}",
                kind="look",
                state=_STATES.get(intent["status"], "PENDING"),
            )
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange


async def _intent(provider_ref: str) -> dict[str, Any]:
    return await stripe_api.ask_in_our_mode("get", f"{_INTENTS}/{quote(provider_ref, safe='')}")
