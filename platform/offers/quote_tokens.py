"""What stands in a signed quote: everything that the buyer has agreed to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from kernel import crypto
from kernel.errors import Refusal
from tenants.directory import Shop

_PURPOSE: Final = "quote"


class QuoteExpired(Refusal):
    """The quote is past its time, or was not given by this shop; ask for a new one."""

    code = "QUOTE_EXPIRED"


def write(
    shop: Shop,
    lines: Sequence[tuple[UUID, UUID, int, int]],
    *,
    codes: Sequence[str],
    discounts_minor: Sequence[int],
    points: int,
    expires_at: datetime,
    rates: Sequence[UUID | None] = (),
) -> str:
    """Sign lines of SKU, offer, quantity and unit price in minor units, the coupons' codes with
    what they take off each line, how many points are redeemed, and where a supply is in another
    currency, at which rate each line was priced."""
    payload: dict[str, Any] = {
        "t": str(shop.id),
        "e": int(expires_at.astimezone(UTC).timestamp()),
        "l": [[str(sku), str(offer), quantity, minor] for sku, offer, quantity, minor in lines],
    }
    if codes:
        payload |= {"c": list(codes), "d": list(discounts_minor)}
    if points:
        payload["p"] = points
    if any(rates):
        payload["f"] = written_rates(rates)
    return crypto.sign(_PURPOSE, orjson.dumps(payload))


def written_rates(rates: Sequence[UUID | None]) -> list[str | None]:
    """The rates as they stand in a token."""
    return [None if rate_id is None else str(rate_id) for rate_id in rates]


def read(shop: Shop, quote_id: str) -> dict[str, Any]:
    """What was signed; raises `QuoteExpired` for what this shop has not given."""
    raw = crypto.unsign(_PURPOSE, quote_id)
    payload: dict[str, Any] = orjson.loads(raw) if raw is not None else {}
    if payload.get("t") != str(shop.id):
        raise QuoteExpired("This quote is not ours: ask for a new price.", field="quoteId")
    return payload
