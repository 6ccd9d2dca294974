"""Stripe's customers and the cards that are kept for them."""

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from billing.payment_methods import stripe_answers, stripe_api
from billing.payment_methods.base import ChannelRefused, KeptCard

_CUSTOMERS: Final = "/v1/customers"
_METHODS: Final = "/v1/payment_methods"
_INTENTS: Final = "/v1/payment_intents"


async def make(customer_id: UUID) -> str:
    """Make a customer of Stripe's for one of a shop's; asked again it is the same one."""
    made = await stripe_api.ask_in_our_mode(
        "post",
        _CUSTOMERS,
        idempotency_key=f"customer:{customer_id}",
        metadata={"customer_id": str(customer_id)},
    )
    with stripe_answers.reading():
        return stripe_answers.text(made["id"])


async def card_of(intent_ref: str) -> KeptCard | None:
    """The card that a payment has left with its customer; None where it has left none."""
    path = f"{_INTENTS}/{quote(intent_ref, safe='')}"
    intent = await stripe_api.ask_in_our_mode("get", path, expand=["payment_method"])
    with stripe_answers.reading():
        method = intent["payment_method"]
        if method is None or method["customer"] is None or method["type"] != "card":
            return None
        return _kept(method)


async def detach(card_ref: str) -> None:
    """Have Stripe forget a card; one that it has forgotten already is no mistake."""
    try:
        await stripe_api.ask("post", f"{_METHODS}/{quote(card_ref, safe='')}/detach")
    except ChannelRefused:
        return


def _kept(method: dict[str, Any]) -> KeptCard:
    card = method["card"]
    return KeptCard(
        card_ref=stripe_answers.text(method["id"]),
        customer_ref=stripe_answers.text(method["customer"]),
        fingerprint=stripe_answers.text(card["fingerprint"]),
        brand=stripe_answers.text(card["brand"]),
        last4=stripe_answers.text(card["last4"]),
        expires_month=int(card["exp_month"]),
        expires_year=int(card["exp_year"]),
    )
