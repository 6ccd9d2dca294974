"""PaymentMethod objects: made from a test card, a token, or the wish to pay by a wallet."""

from typing import Any

from sandbox.stripe.customers import require_usable
from sandbox.stripe.errors import BadParameter, NoSuchObject, RefusedByState
from sandbox.stripe.ids import new_id
from sandbox.stripe.test_cards import OF_PAGES, PAYMENT_METHODS, TOKENS, TestCard
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

CARD, ALIPAY, WECHAT_PAY = "card", "alipay", "wechat_pay"
SUPPORTED_TYPES = (CARD, ALIPAY, WECHAT_PAY, "klarna", "affirm", "afterpay_clearpay", "crypto")

_BILLING_DETAILS = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}


def from_parameters(work: Work, params: dict[str, Any], *, intent: Json) -> Json | None:
    """Give the payment method that a request names, or None.

    Raises NoSuchObject for an unknown id, BadParameter for data that do not fit, RefusedByState
    when the intent does not take the type.
    """
    if "payment_method" in params and "payment_method_data" in params:
        raise BadParameter(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method_data",
        )
    if "payment_method" in params:
        method = _by_id(work, params["payment_method"])
    elif "payment_method_data" in params:
        method = _from_data(work, params["payment_method_data"])
    else:
        return None
    _require_allowed(method, intent=intent)
    require_usable(method, customer_id=intent["customer"])
    return method


def for_buyer(work: Work, *, method_type: str, intent: Json, card: TestCard | None = None) -> Json:
    """Make the payment method that a buyer picks on the payment page.

    A card is one that the payment takes: a Visa, or of UnionPay where the others are blocked.
    """
    if method_type != CARD:
        return _wallet(work, method_type)
    return _card(work, card or cards_taken(intent)[0])


def cards_taken(payment: Json) -> list[TestCard]:
    """Give the test cards that an intent's or a session's page takes."""
    options = payment["payment_method_options"].get(CARD, {})
    blocked = options.get("restrictions", {}).get("brands_blocked", ())
    return [card for card in OF_PAGES if card.brand not in blocked]


def _by_id(work: Work, method_id: str) -> Json:
    card = PAYMENT_METHODS.get(method_id)
    if card is not None:
        return _card(work, card)
    method = work.store.find(kind="payment_method", object_id=method_id)
    if method is None:
        raise NoSuchObject(kind="PaymentMethod", object_id=method_id, param="payment_method")
    return method


def _from_data(work: Work, data: dict[str, Any]) -> Json:
    if data["type"] != CARD:
        return _wallet(work, data["type"])
    token = data.get("card", {}).get("token")
    if token is None:
        raise BadParameter(
            "Missing required param: payment_method_data[card][token].",
            code="parameter_missing",
            param="payment_method_data[card][token]",
        )
    if token not in TOKENS:
        raise NoSuchObject(kind="token", object_id=token, param="payment_method_data[card][token]")
    return _card(work, TOKENS[token])


def _require_allowed(method: Json, *, intent: Json) -> None:
    if method["type"] in intent["payment_method_types"]:
        return
    raise RefusedByState(
        f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
        "Please attach a PaymentMethod of one of the following types: "
        f"{', '.join(intent['payment_method_types'])}.",
        code="payment_intent_incompatible_payment_method",
        param="payment_method",
    )


def _card(work: Work, card: TestCard) -> Json:
    details = {
        "brand": card.brand,
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2040,
        "fingerprint": f"Fp{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _insert(work, CARD, details)


def _wallet(work: Work, method_type: str) -> Json:
    return _insert(work, method_type, {})


def _insert(work: Work, method_type: str, details: Json) -> Json:
    return work.store.insert(
        {
            "id": new_id("pm_1"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": _BILLING_DETAILS,
            "created": work.created,
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": method_type,
            method_type: details,
        }
    )
