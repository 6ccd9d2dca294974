"""Checkout Sessions: a page that collects one payment, made, looked at, expired, paid.

https://docs.stripe.com/api/checkout/sessions
"""

from typing import Any, Final

from sandbox.stripe import intents, timers
from sandbox.stripe.accepted_types import accepted
from sandbox.stripe.customers import require_customer
from sandbox.stripe.errors import BadParameter, RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.intents import is_web_address
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]

KIND: Final = "checkout.session"
_SHORTEST_SECONDS: Final = 30 * 60
_LONGEST_SECONDS: Final = 24 * 3_600


def create(work: Work, params: Params) -> Json:
    """Make a session that waits for its buyer. Raises BadParameter."""
    _check_addresses(params)
    amount_minor, currency = _total(params)
    expires_at = _end(work, params)
    if params.get("customer") is not None:
        require_customer(work, params["customer"])
    intents.check_amount(amount_minor=amount_minor, currency=currency)
    session_id = new_id("cs_test_", length=58)
    session = {
        "id": session_id,
        "object": KIND,
        "amount_subtotal": amount_minor,
        "amount_total": amount_minor,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": work.created,
        "currency": currency,
        "customer": params.get("customer"),
        "expires_at": expires_at,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "mode": params["mode"],
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "success_url": params["success_url"],
        "ui_mode": "hosted_page",
        "url": f"{work.config.public_url}/pay/{session_id}",
        "payment_method_options": params.get("payment_method_options", {}),
        **accepted(work, _types(params), amount_minor=amount_minor, currency=currency),
        "_intent_data": params.get("payment_intent_data", {}),
    }
    work.store.insert(session)
    timers.set_time(work, step="session.expired", object_id=session_id, due_at=expires_at)
    return session


def get(work: Work, session_id: str) -> Json:
    """Give the session, or raise NoSuchObject."""
    return work.store.get(kind=KIND, object_id=session_id, param="session")


def expire(work: Work, *, session_id: str) -> Json:
    """End an open session: nobody can pay on its page any more."""
    session = get(work, session_id)
    if session["status"] != "open":
        raise RefusedByState(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`."
        )
    return _expired(work, session)


def end_at_its_time(work: Work, *, session_id: str) -> None:
    """Expire the session if it is still open."""
    session = get(work, session_id)
    if session["status"] == "open":
        _expired(work, session)


def _expired(work: Work, session: Json) -> Json:
    session |= {"status": "expired", "url": None}
    work.store.save(session)
    if session["payment_intent"] is not None:
        intents.cancel(work, {}, intent_id=session["payment_intent"])
    emit(work, "checkout.session.expired", session)
    return session


def _types(params: Params) -> Params:
    names = ("allowed_payment_method_types", "excluded_payment_method_types")
    return {name: params[name] for name in names if name in params}


def _check_addresses(params: Params) -> None:
    for name in ("success_url", "cancel_url"):
        if name in params and not is_web_address(params[name]):
            raise BadParameter("Not a valid URL", code="url_invalid", param=name)


def _total(params: Params) -> tuple[int, str]:
    """The sum of the items, which have one currency."""
    prices = [item["price_data"] for item in params["line_items"]]
    currencies = {price["currency"].lower() for price in prices}
    if len(currencies) != 1:
        raise BadParameter("You must provide one currency for all line items.", param="line_items")
    amount_minor = sum(
        item["price_data"]["unit_amount"] * item.get("quantity", 1) for item in params["line_items"]
    )
    return amount_minor, currencies.pop()


def _end(work: Work, params: Params) -> int:
    expires_at: int = params.get("expires_at", work.created + _LONGEST_SECONDS)
    if not _SHORTEST_SECONDS <= expires_at - work.now <= _LONGEST_SECONDS:
        raise BadParameter(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return expires_at
