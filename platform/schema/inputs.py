"""What clients send, read once: amounts, times, return addresses, which goods they wish for."""

from datetime import UTC, datetime
from typing import Any

import strawberry

from kernel.errors import Invalid
from kernel.ids import parse_id
from offers.quotes import Wish
from schema.context import Context
from schema.delivery_modes import DeliveryMode, mode_in
from schema.money import MoneyInput
from tenants.keep import KEEP


def wish_of(
    *,
    sku_id: strawberry.ID,
    quantity: int,
    offer_id: strawberry.ID | None,
    delivery_mode: DeliveryMode | None = None,
) -> Wish:
    """Read what a buyer wishes for; `NotFound` for an id that is none."""
    offer = parse_id("ofr", offer_id, field="offerId") if offer_id else None
    sku = parse_id("sku", sku_id, field="skuId")
    return Wish(sku, quantity, offer, mode_in(delivery_mode))


def amount_in(money: MoneyInput, context: Context, *, field: str) -> int:
    """Read an amount in the shop's currency, in minor units."""
    if money.currency != context.shop.currency:
        raise Invalid(f"This shop sells in {context.shop.currency}.", field=field)
    return money.amount_minor


def moment_in(value: datetime, *, field: str) -> datetime:
    """Read a time that says its zone, in UTC; `Invalid` for one that does not."""
    if value.tzinfo is None:
        raise Invalid("A time names its zone, best UTC: 2030-01-01T00:00:00Z.", field=field)
    try:
        return value.astimezone(UTC)
    except OverflowError as beyond:  # before the year 1 or after 9999
        raise Invalid("There is no such time.", field=field) from beyond


def or_keep(given: Any) -> Any:
    """Read what may be left out to stay as it is, or be null to be taken away."""
    return KEEP if given is strawberry.UNSET else given


def return_url(context: Context, path: str | None) -> str:
    """Lead back to this shop: only a path is taken from the client."""
    local = path if path and path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
    return f"{context.origin}{local}"
