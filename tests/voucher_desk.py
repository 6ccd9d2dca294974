"""Redeem vouchers in tests: batches as an operator or a shop makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kernel import db
from promotions.vouchers import batches
from promotions.vouchers.batches import Batch, BatchWish
from sales import key
from tenants.directory import Shop

YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def wish(**more: Any) -> BatchWish:
    """A batch of 3 codes of 10.00, from the platform, for a month, unless said otherwise."""
    usual: dict[str, Any] = {
        "name": "gift",
        "funder": "PLATFORM",
        "value_minor": 1_000,
        "count": 3,
        "starts_at": YESTERDAY,
        "ends_at": YESTERDAY + timedelta(days=31),
        "most_per_customer": None,
        "idempotency_key": key(),
    }
    return BatchWish(**{**usual, **more})


async def made(shop: Shop, **more: Any) -> tuple[Batch, tuple[str, ...]]:
    """Make such a batch."""
    return await batches.create_batch(shop=shop, wish=wish(**more), actor="operator:test")


async def balance(account: Any) -> int:
    """What a liability account holds."""
    async with db.transaction(db.core_scope(), read_only=True):
        held: int = await db.fetch_value("select -ledger_balance($1)", account.id)
    return held
