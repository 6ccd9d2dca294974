"""Stripe Checkout Sessions: a page of Stripe's that takes one payment by one method.

A session has an id of its own, by which the payment is known until it is paid. The money is an
intent's, which Stripe makes when the buyer pays; from then on the payment has that one's id, and
is refunded like any other. So only the session speaks of an unpaid payment, and its intent, which
is told nothing of us, is nobody we know.
"""

from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from billing.payment_methods import stripe_answers, stripe_api
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    ChannelState,
    Started,
)
from billing.payment_methods.stripe_answers import ForgedEvent, word
from billing.payment_methods.stripe_api import PROVIDER
from kernel.ids import unix_seconds_of

_SESSIONS: Final = "/v1/checkout/sessions"
_OPEN_SECONDS: Final = 3_600
"""Stripe wants between 30 minutes and a day. It is counted from the payment's own beginning, so
that asking again asks the same; an order's hold ends earlier, and then the session is expired."""

EVENT_STATES: Final[dict[str, ChannelState | None]] = {
    "checkout.session.completed": None,
    "checkout.session.async_payment_succeeded": None,
    "checkout.session.async_payment_failed": "CANCELED",
    "checkout.session.expired": "CANCELED",
}
"""What an event says of its session; None where the session itself says whether it is paid."""


def is_session(provider_ref: str) -> bool:
    """Whether Stripe's id is a session's."""
    return provider_ref.startswith("cs_")


async def create(ask: Ask, *, method_type: str, options: dict[str, Any]) -> Started:
    """Make the session; the payment's id is the idempotency key, so a repeat finds the same one."""
    item = {
        "currency": ask.currency.lower(),
        "unit_amount": ask.amount_minor,
        "product_data": {"name": ask.description},
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": item}],
        "allowed_payment_method_types": [method_type],
        "client_reference_id": str(ask.payment_id),
        "metadata": {"payment_id": str(ask.payment_id)},
        "payment_intent_data": {"description": ask.description},
        "success_url": ask.return_url,
        "cancel_url": _given_up(ask.return_url),
        "expires_at": unix_seconds_of(ask.payment_id) + _OPEN_SECONDS,
    }
    if ask.card is not None:
        params["customer"] = ask.card.customer_ref
        params["payment_intent_data"]["setup_future_usage"] = "on_session"
    if options:
        params["payment_method_options"] = {method_type: options}
    return _started(
        await stripe_api.ask_in_our_mode(
            "post", _SESSIONS, idempotency_key=str(ask.payment_id), **params
        )
    )


async def resume(session_ref: str) -> Started:
    """Where the buyer goes on; nowhere once the session has ended."""
    return _started(await _session(session_ref))


async def look(session_ref: str) -> ChannelReport:
    """The session as it stands; the event id is made of what it says, so a repeat is no news."""
    session = await _session(session_ref, expand=["payment_intent"])
    try:
        with stripe_answers.reading():
            state = _state(session)
            return report_of(
                session, event_id=f"look:{session['id']}:{state}", kind="look", state=state
            )
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange


async def expire(session_ref: str) -> None:
    """End a session that is still open; one that has ended stays as it is."""
    try:
        await stripe_api.ask("post", f"{_SESSIONS}/{quote(session_ref, safe='')}/expire")
    except ChannelRefused:
        return


def report_of(
    session: Any, *, event_id: str, kind: str, state: ChannelState | None
) -> ChannelReport:
    """What is said of a session. Raises `ForgedEvent` where no session could say so."""
    if session["object"] != "checkout.session" or session["mode"] != "payment":
        raise ForgedEvent("not about a payment")
    if state is None:
        state = "SUCCEEDED" if session["payment_status"] == "paid" else "PENDING"
    paid = state == "SUCCEEDED"
    session_ref, intent_ref = word(session["id"]), _intent_ref(session)
    if paid and intent_ref is None:
        raise ForgedEvent("paid by nothing")
    return ChannelReport(
        provider=PROVIDER,
        event_id=word(event_id),
        kind=kind,
        state=state,
        provider_ref=intent_ref if paid and intent_ref else session_ref,
        payment_id=_payment_id(session),
        amount_minor=stripe_answers.amount(session["amount_total"], at_least=1 if paid else 0),
        currency=stripe_answers.currency(session["currency"]),
        also_known_as=session_ref if paid else intent_ref,
    )


def _state(session: dict[str, Any]) -> ChannelState:
    """A session that is complete and has not been paid waits for its intent, or has lost it."""
    if session["payment_status"] == "paid":
        return "SUCCEEDED"
    intent = session["payment_intent"]
    lost = intent is not None and intent["status"] in ("requires_payment_method", "canceled")
    if session["status"] == "expired" or (session["status"] == "complete" and lost):
        return "CANCELED"
    return "PENDING"


def _intent_ref(session: Any) -> str | None:
    """None before the buyer's first attempt to pay."""
    intent = session["payment_intent"]
    if intent is None:
        return None
    return word(intent["id"] if isinstance(intent, dict) else intent)


def _payment_id(session: Any) -> UUID | None:
    """We told it twice; where the two differ, somebody has changed one."""
    payment_id = stripe_answers.payment_id(session)
    return payment_id if session["client_reference_id"] == str(payment_id) else None


def _started(session: dict[str, Any]) -> Started:
    with stripe_answers.reading():
        return Started(stripe_answers.text(session["id"]), session["url"])


def _given_up(return_url: str) -> str:
    """The buyer's return without having paid, said in the words of an intent's return."""
    joint = "&" if "?" in return_url else "?"
    return f"{return_url}{joint}{urlencode({'redirect_status': 'failed'})}"


async def _session(session_ref: str, **params: Any) -> dict[str, Any]:
    path = f"{_SESSIONS}/{quote(session_ref, safe='')}"
    return await stripe_api.ask_in_our_mode("get", path, **params)
