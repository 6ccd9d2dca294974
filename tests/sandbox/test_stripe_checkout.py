"""Checkout Sessions, customers and kept cards: what Stripe refuses, and what it remembers."""

import time
from typing import Any

import pytest
import stripe

from sandbox_desk import Desk


def a_session(**change: Any) -> Any:
    """A page for 10.00 CNY by card, unless told otherwise; what is None is left out."""
    item = {"currency": "cny", "unit_amount": 1_000, "product_data": {"name": "a key"}}
    wish = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": item}],
        "allowed_payment_method_types": ["card"],
        "success_url": "https://shop.example/paid",
        **change,
    }
    return {name: value for name, value in wish.items() if value is not None}


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        (
            {"payment_intent_data": {"amount": 1}},
            "parameter_unknown",
            "payment_intent_data[amount]",
        ),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"line_items": [{"quantity": 1}]}, "parameter_missing", "line_items[0][price_data]"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"mode": "subscription"}, None, "mode"),
        ({"customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"expires_at": int(time.time()) + 29 * 60}, None, "expires_at"),
        ({"expires_at": int(time.time()) + 25 * 3_600}, None, "expires_at"),
        (
            {"allowed_payment_method_types": ["klarna"]},  # not in this currency
            "payment_intent_invalid_parameter",
            "allowed_payment_method_types",
        ),
    ],
)
async def test_a_session_that_is_not_right_is_refused_and_tells_nobody(
    desk: Desk, change: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.client.v1.checkout.sessions.create_async(a_session(**change))
    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await desk.client.v1.events.list_async()).data == []


async def test_a_kept_card_is_its_customers_until_it_is_detached(desk: Desk) -> None:
    v1 = desk.client.v1
    customer = await v1.customers.create_async({"metadata": {"customer_id": "7"}})
    other = await v1.customers.create_async({})
    paid = await desk.paid(customer=customer.id, setup_future_usage="on_session")
    assert isinstance(paid.payment_method, str)
    kept = await v1.payment_methods.retrieve_async(paid.payment_method)
    assert kept.customer == customer.id

    again = await desk.paid(customer=customer.id, payment_method=kept.id)
    assert again.status == "succeeded"
    for whose in ({"customer": other.id}, {}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await desk.paid(payment_method=kept.id, **whose)
        assert refused.value.param == "payment_method"
    await v1.payment_methods.detach_async(kept.id)
    for wish in ({"customer": customer.id}, {}):
        with pytest.raises(stripe.InvalidRequestError):
            await desk.paid(payment_method=kept.id, **wish)
    with pytest.raises(stripe.InvalidRequestError):
        await v1.payment_methods.detach_async(kept.id)
    not_kept = await desk.paid(customer=customer.id)
    assert isinstance(not_kept.payment_method, str)
    assert (await v1.payment_methods.retrieve_async(not_kept.payment_method)).customer is None
