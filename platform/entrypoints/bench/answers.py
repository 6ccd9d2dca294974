"""Whether an answer is the whole answer: a fast error is not an operation."""

from typing import Any

from entrypoints.bench.questions import Question

COMMITMENT_LETTERS = 64


class WrongAnswer(Exception):
    """The answer lacks something, or says something else than was asked."""


def check(question: Question, answer: dict[str, Any]) -> None:
    """This function will raise `WrongAnswer` unless the answer holds all that was asked for."""
    if answer.get("errors") or not answer.get("data"):
        raise WrongAnswer(f"{question.check}: {answer}")
    try:
        good = _CHECKS[question.check](question.expected, answer["data"])
    except (KeyError, TypeError, ValueError) as missing:
        raise WrongAnswer(f"{question.check}: {missing!r} in {answer}") from missing
    if not good:
        raise WrongAnswer(f"{question.check}: {answer}")


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
    (line,) = order["lines"]
    (key,) = line["keys"]
    return bool(
        order["status"] == "DELIVERED"
        and order["no"]
        and order["total"]["amountMinor"] == expected["total"]
        and line["quantity"] == 1
        and key["id"]
        and key["serial"]
        and len(key["commitment"]) == COMMITMENT_LETTERS
    )


_CHECKS = {"catalogue": _catalogue, "product": _product, "sale": _sale}
