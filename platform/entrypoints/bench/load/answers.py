"""Whether an answer is the whole answer: a fast error is not an operation."""

import hashlib
from typing import Any

from entrypoints.bench.load.questions import Question

COMMITMENT_LETTERS = 64


class WrongAnswer(Exception):
    """The answer lacks something, or says something else than was asked."""


def check(question: Question, answer: dict[str, Any]) -> dict[str, Any]:
    """Give the answer's data, or raise `WrongAnswer` unless it holds all that
    was asked for."""
    if answer.get("errors") or not answer.get("data"):
        raise WrongAnswer(f"{question.check}: {answer}")
    data: dict[str, Any] = answer["data"]
    try:
        good = _CHECKS[question.check](question.expected, data)
    except (KeyError, TypeError, ValueError, AttributeError) as missing:
        raise WrongAnswer(f"{question.check}: {missing!r} in {answer}") from missing
    if not good:
        raise WrongAnswer(f"{question.check}: {answer}")
    return data


def _catalogue(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    edges = data["products"]["edges"]
    return len(edges) == expected["products"] and all(_on_sale(edge["node"]) for edge in edges)


def _product(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    product = data["product"]
    (sku,) = product["skus"]
    offered = all(
        offer["price"]["amountMinor"] > 0 and offer["stock"]["quantity"] > 0
        for offer in sku["offers"]
    )
    right_one = product["slug"] == expected["slug"] and bool(product["description"])
    return right_one and _on_sale(product) and offered and bool(sku["offers"])


def _on_sale(product: dict[str, Any]) -> bool:
    return bool(
        product["id"]
        and product["name"]
        and product["slug"]
        and product["price"]["amount"]["amountMinor"] > 0
        and product["stock"]["quantity"] > 0
    )


def _sale(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    order = data["quickBuy"]["order"]
    return order["total"]["amountMinor"] == expected["total"] and is_delivered(order)


def is_delivered(order: dict[str, Any]) -> bool:
    """Say whether the order's one key is in its buyer's hands."""
    (line,) = order["lines"]
    if order["status"] != "DELIVERED":
        return False
    (key,) = line["keys"]
    return bool(
        order["no"]
        and line["quantity"] == 1
        and key["id"]
        and key["serial"]
        and len(key["commitment"]) == COMMITMENT_LETTERS
    )


def _quote(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    quote = data["quote"]
    return bool(quote["id"]) and quote["total"]["amountMinor"] == expected["total"]


def _order(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    order = data["orderCreate"]["order"]
    (line,) = order["lines"]
    (commitment,) = line["commitments"]
    return bool(
        order["no"]
        and order["status"] == "PENDING_PAYMENT"
        and order["total"]["amountMinor"] == expected["total"]
        and len(commitment) == COMMITMENT_LETTERS
    )


def _payment(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    started = data["paymentStart"]
    return bool(started["paymentId"]) and started["clientSecret"].startswith("pi_")


def _looked(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    order = data["order"]
    return order["status"] == "PENDING_PAYMENT" or is_delivered(order)


def _seen(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    return bool(data["order"]["no"] == expected["no"])


def _canceled(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    return bool(data["orderCancel"]["order"]["status"] == "CANCELED")


def _revealed(expected: dict[str, Any], data: dict[str, Any]) -> bool:
    """The secret is the one that was committed to before the sale."""
    (key,) = data["keyReveal"]["keys"]
    told = hashlib.sha256(bytes.fromhex(key["salt"]) + key["secret"].encode()).hexdigest()
    return bool(key["secret"]) and told == key["commitment"] == expected["commitment"]


_CHECKS = {
    "catalogue": _catalogue,
    "product": _product,
    "sale": _sale,
    "sale_channel": _quote,
    "cancel": _quote,
    "order": _order,
    "payment": _payment,
    "looked": _looked,
    "seen": _seen,
    "canceled": _canceled,
    "revealed": _revealed,
}
