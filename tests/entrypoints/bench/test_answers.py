"""A fast error is not an operation: what an answer must hold to be counted."""

import hashlib
from typing import Any

import pytest

from entrypoints.bench.load.answers import WrongAnswer, check
from entrypoints.bench.load.questions import (
    Question,
    catalogue_question,
    product_question,
    quote_question,
    sale_question,
)

COMMITMENT = "c" * 64


def asked(check_name: str, **expected: Any) -> Question:
    return Question(check_name, "shop.test", "query", {}, expected)


def product() -> dict[str, Any]:
    price = {"amount": {"amountMinor": 5}}
    return {"id": "i", "name": "n", "slug": "s", "price": price, "stock": {"quantity": 1}}


def page(*products: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"products": {"edges": [{"node": one} for one in products]}}}


def test_a_page_counts_only_with_all_its_products_and_all_their_fields() -> None:
    question = catalogue_question("shop.test", None)
    check(question, page(*[product()] * 24))

    without_price = [product() | {"price": None}, *[product()] * 23]
    sold_out = [product() | {"stock": {"quantity": 0}}, *[product()] * 23]
    for wrong in (
        page(*[product()] * 23),
        page(*without_price),
        page(*sold_out),
        {"errors": [{"message": "no"}], **page(*[product()] * 24)},
        {"data": None},
    ):
        with pytest.raises(WrongAnswer):
            check(question, wrong)


def test_a_sale_counts_only_when_its_key_is_delivered() -> None:
    question = sale_question(
        "shop.test", token="kmc_x", sku_id="sku_x", total_minor=500, currency="CNY"
    )
    line = {"quantity": 1, "keys": [{"id": "k", "serial": "s", "commitment": "c" * 64}]}
    order = {"no": "K1", "status": "DELIVERED", "total": {"amountMinor": 500}, "lines": [line]}
    check(question, {"data": {"quickBuy": {"order": order}}})

    for wrong in (
        {"order": order | {"status": "PENDING_PAYMENT"}},
        {"order": order | {"total": {"amountMinor": 499}}},
        {"order": order | {"lines": [line | {"keys": []}]}},
        {"code": "OUT_OF_STOCK", "message": "Sold out."},
    ):
        with pytest.raises(WrongAnswer):
            check(question, {"data": {"quickBuy": wrong}})


def test_one_product_counts_only_with_offers_that_can_be_bought() -> None:
    question = product_question("shop.test", "s")
    offer = {"id": "o", "price": {"amountMinor": 5}, "stock": {"quantity": 1}}
    whole = product() | {"description": "d", "skus": [{"offers": [offer]}]}
    check(question, {"data": {"product": whole}})

    for wrong in (
        whole | {"slug": "another"},
        whole | {"description": ""},
        whole | {"skus": [{"offers": []}]},
        whole | {"skus": [{"offers": [offer | {"stock": {"quantity": 0}}]}]},
        None,
    ):
        with pytest.raises(WrongAnswer):
            check(question, {"data": {"product": wrong}})


def test_the_steps_of_a_sale_by_channel_count_only_when_each_is_whole() -> None:
    quote = quote_question("sale_channel", "shop.test", token="t", sku_id="s", total_minor=5)
    check(quote, {"data": {"quote": {"id": "q", "total": {"amountMinor": 5}}}})
    line = {"commitments": [COMMITMENT]}
    order = {"no": "K1", "status": "PENDING_PAYMENT", "total": {"amountMinor": 5}, "lines": [line]}
    check(asked("order", total=5), {"data": {"orderCreate": {"order": order}}})
    check(
        asked("payment"),
        {"data": {"paymentStart": {"paymentId": "p", "clientSecret": "pi_1_secret_2"}}},
    )

    for name, data in (
        ("sale_channel", {"quote": {"id": "q", "total": {"amountMinor": 6}}}),
        ("order", {"orderCreate": {"order": order | {"lines": [{"commitments": []}]}}}),
        ("order", {"orderCreate": {"code": "OUT_OF_STOCK"}}),
        ("payment", {"paymentStart": {"paymentId": "p", "clientSecret": None}}),
    ):
        with pytest.raises(WrongAnswer):
            check(asked(name, total=5), {"data": data})


def test_an_order_that_is_looked_at_waits_or_is_delivered() -> None:
    key = {"id": "k", "serial": "s", "commitment": COMMITMENT}
    delivered = {"no": "K1", "status": "DELIVERED", "lines": [{"quantity": 1, "keys": [key]}]}
    check(asked("looked"), {"data": {"order": delivered}})
    check(asked("looked"), {"data": {"order": {**delivered, "status": "PENDING_PAYMENT"}}})
    check(asked("canceled"), {"data": {"orderCancel": {"order": {"status": "CANCELED"}}}})

    for name, data in (
        ("looked", {"order": {**delivered, "status": "EXPIRED"}}),
        ("looked", {"order": {**delivered, "lines": [{"quantity": 1, "keys": []}]}}),
        ("looked", {"order": None}),
        ("canceled", {"orderCancel": {"order": {"status": "PENDING_PAYMENT"}}}),
        ("canceled", {"orderCancel": {"code": "NOT_FOUND"}}),
    ):
        with pytest.raises(WrongAnswer):
            check(asked(name), {"data": data})


def test_an_opened_key_must_be_the_one_that_was_committed_to() -> None:
    salt, secret = "00" * 16, "CODE-1"
    commitment = hashlib.sha256(bytes(16) + secret.encode()).hexdigest()
    key = {"serial": "s", "secret": secret, "salt": salt, "commitment": commitment}
    question = asked("revealed", commitment=commitment)
    check(question, {"data": {"keyReveal": {"keys": [key]}}})

    for wrong in (key | {"secret": "CODE-2"}, key | {"commitment": COMMITMENT}):
        with pytest.raises(WrongAnswer):
            check(question, {"data": {"keyReveal": {"keys": [wrong]}}})
    with pytest.raises(WrongAnswer):
        check(asked("revealed", commitment=COMMITMENT), {"data": {"keyReveal": {"keys": [key]}}})
