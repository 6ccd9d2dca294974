"""Payment intents: create, update, confirm, capture, cancel, with Stripe's own refusals."""

from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe import attempts, payment_methods
from sandbox.stripe.accepted_types import NARROWING, accepted
from sandbox.stripe.currencies import (
    MAXIMUM_CHARGE_MINOR,
    MINIMUM_CHARGE_MINOR,
    SUPPORTED,
    is_countable,
)
from sandbox.stripe.customers import require_customer
from sandbox.stripe.errors import BadParameter, RefusedByState, UnexpectedState
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.method_terms import REDIRECTING
from sandbox.stripe.payment_methods import CARD, WECHAT_PAY
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work

Params = dict[str, Any]

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*CONFIRMABLE, "requires_capture")

# What create and update copy onto the intent as it is.
_COPIED = (
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
# What update may change only while the payment has not begun.
_TERMS = ("amount", "currency", "payment_method", "payment_method_data", *NARROWING)
_ONLY_WITH_CONFIRM = ("return_url", "off_session", "error_on_requires_action")


def create(work: Work, params: Params) -> Json:
    """Create an intent, and confirm it when asked to.

    Raises BadParameter, or CardDeclined when it is confirmed with a card that is refused.
    """
    if not params.get("confirm"):
        _refuse_confirm_only(params)
    if params.get("customer") is not None:
        require_customer(work, params["customer"])
    intent = work.store.insert(_new_intent(work, params))
    _attach(work, intent, params)
    emit(work, "payment_intent.created", intent)
    return _confirm(work, intent, params) if params.get("confirm") else intent


def update(work: Work, params: Params, *, intent_id: str) -> Json:
    """Change what may still change: words always, terms before the payment."""
    intent = work.intent(intent_id)
    if any(name in params for name in _TERMS):
        _require_status(intent, verb="update", allowed=CONFIRMABLE)
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    intent |= {name: params[name] for name in _COPIED if name in params}
    intent["amount"] = params.get("amount", intent["amount"])
    if "currency" in params:
        intent["currency"] = params["currency"].lower()
    check_amount(amount_minor=intent["amount"], currency=intent["currency"])
    _narrow(work, intent, params)
    _attach(work, intent, params)
    return work.store.save(intent)


def confirm(work: Work, params: Params, *, intent_id: str) -> Json:
    """Try to pay the intent with its payment method.

    Raises UnexpectedState, BadParameter, or CardDeclined.
    """
    intent = work.intent(intent_id)
    _require_status(intent, verb="confirm", allowed=CONFIRMABLE)
    intent |= {name: params[name] for name in _COPIED if name in params}
    intent["capture_method"] = params.get("capture_method", intent["capture_method"])
    _narrow(work, intent, params)
    _attach(work, intent, params)
    return _confirm(work, intent, params)


def capture(work: Work, params: Params, *, intent_id: str) -> Json:
    """Take an authorized amount, or a part of it and release the rest."""
    intent = work.intent(intent_id)
    _require_status(intent, verb="capture", allowed=("requires_capture",))
    capturable_minor: int = intent["amount_capturable"]
    amount_minor = int(params.get("amount_to_capture", capturable_minor))
    if amount_minor > capturable_minor:
        raise RefusedByState(
            f"The amount_to_capture ({amount_minor}) is greater than the amount that can be "
            f"captured ({capturable_minor}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    charge = work.charge(intent["latest_charge"])
    return attempts.succeed(work, intent, charge=charge, amount_minor=amount_minor)


def cancel(work: Work, params: Params, *, intent_id: str) -> Json:
    """End an intent that has not been paid, and release what it held."""
    intent = work.intent(intent_id)
    _require_status(intent, verb="cancel", allowed=CANCELABLE)
    if intent["status"] == "requires_capture":
        charge = work.charge(intent["latest_charge"])
        charge |= {"refunded": True, "amount_refunded": charge["amount"]}
        emit(work, "charge.refunded", work.store.save(charge))
    intent |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": work.created,
        "cancellation_reason": params.get("cancellation_reason"),
        "next_action": None,
    }
    work.store.save(intent)
    emit(work, "payment_intent.canceled", intent)
    return intent


def _new_intent(work: Work, params: Params) -> Json:
    currency = params["currency"].lower()
    check_amount(amount_minor=params["amount"], currency=currency)
    intent_id = new_id("pi_3")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": new_id(f"{intent_id}_secret_", length=25),
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": work.created,
        "currency": currency,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "processing": None,
        "review": None,
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        **accepted(work, params, amount_minor=params["amount"], currency=currency),
        **{name: params.get(name) for name in _COPIED},
    }


def check_amount(*, amount_minor: int, currency: str) -> None:
    if currency not in SUPPORTED:
        raise BadParameter(f"Invalid currency: {currency}.", param="currency")
    if not is_countable(amount_minor=amount_minor, currency=currency):
        raise BadParameter(f"The last digit of an amount in {currency} must be 0.", param="amount")
    minimum = MINIMUM_CHARGE_MINOR.get(currency, 1)
    if amount_minor < minimum:
        raise BadParameter(
            f"Amount must be at least {minimum} {currency} in its smallest unit.",
            code="amount_too_small",
            param="amount",
        )
    if amount_minor > MAXIMUM_CHARGE_MINOR:
        raise BadParameter(
            f"Amount must be no more than {MAXIMUM_CHARGE_MINOR} {currency} in its smallest unit.",
            code="amount_too_large",
            param="amount",
        )


def _refuse_confirm_only(params: Params) -> None:
    for name in _ONLY_WITH_CONFIRM:
        if name in params:
            raise BadParameter(
                f"`{name}` cannot be passed when creating a PaymentIntent unless `confirm` is "
                "set to true.",
                param=name,
            )


def _narrow(work: Work, intent: Json, params: Params) -> None:
    if any(name in params for name in NARROWING):
        intent |= accepted(work, params, amount_minor=intent["amount"], currency=intent["currency"])


def _attach(work: Work, intent: Json, params: Params) -> None:
    for kind, options in params.get("payment_method_options", {}).items():
        chosen = intent["payment_method_options"]
        chosen[kind] = {**chosen.get(kind, {}), **options}
    method = payment_methods.from_parameters(work, params, intent=intent)
    if method is not None:
        intent |= {
            "payment_method": method["id"],
            "status": "requires_confirmation",
            "next_action": None,
        }
    work.store.save(intent)


def _confirm(work: Work, intent: Json, params: Params) -> Json:
    if intent["payment_method"] is None:
        raise RefusedByState(
            "You cannot confirm this PaymentIntent because it's missing a payment method. "
            "Update the PaymentIntent with a payment method and then confirm it again.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    method = work.store.get(kind="payment_method", object_id=intent["payment_method"])
    return_url = params.get("return_url")
    _check_confirm(intent, method=method, return_url=return_url)
    intent["_return_url"] = return_url
    return attempts.attempt(work, intent, method=method, return_url=return_url)


def _check_confirm(intent: Json, *, method: Json, return_url: str | None) -> None:
    if return_url is not None and not is_web_address(return_url):
        raise BadParameter("Not a valid URL", code="url_invalid", param="return_url")
    automatic = intent["automatic_payment_methods"]
    may_redirect = bool(
        automatic and automatic["enabled"] and automatic["allow_redirects"] == "always"
    )
    if return_url is None and (may_redirect or method["type"] in REDIRECTING):
        raise BadParameter(
            "This PaymentIntent accepts payment methods that may redirect your customer off of "
            "your page: you must provide a `return_url`.",
            code="parameter_missing",
            param="return_url",
        )
    if method["type"] == WECHAT_PAY and not intent["payment_method_options"].get(
        WECHAT_PAY, {}
    ).get("client"):
        name = "payment_method_options[wechat_pay][client]"
        message = f"Missing required param: {name}."
        raise BadParameter(message, code="parameter_missing", param=name)
    if method["type"] != CARD and intent["capture_method"] == "manual":
        raise BadParameter(
            f"The payment method type {method['type']} does not support manual capture.",
            code="payment_intent_invalid_parameter",
            param="capture_method",
        )


def is_web_address(url: str) -> bool:
    """Tell whether a buyer's browser may be sent there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _require_status(intent: Json, *, verb: str, allowed: tuple[str, ...]) -> None:
    if intent["status"] not in allowed:
        raise UnexpectedState(intent=intent, verb=verb, allowed=allowed)
