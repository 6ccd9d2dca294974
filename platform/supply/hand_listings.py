"""What a supplier delivers by hand: an operator lists it, and says what it costs.

A supplier has one such listing of a SKU, beside the one that keys are imported for. What can be
delivered of it the supplier declares (`places.py`), and until it has, nothing is for sale.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.money import MAX_AMOUNT_MINOR

MAX_WARRANTY_HOURS: Final = 10 * 365 * 24

_UPSERT: Final = """
insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency,
                               warranty_hours, by_hand)
values ($1, $2, $3, $4, $5, $6, true)
on conflict (supplier_id, sku_id, by_hand) do update set
    supply_price_minor = excluded.supply_price_minor, currency = excluded.currency,
    warranty_hours = excluded.warranty_hours
returning id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandListing:
    """A supplier, a SKU, what a piece costs in minor units of a currency, and its warranty."""

    supplier_id: UUID
    sku_id: UUID
    supply_price_minor: int
    currency: str
    warranty_hours: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.supply_price_minor <= MAX_AMOUNT_MINOR:
            raise Invalid("A supply price is at least one minor unit.", field="supplyPrice")
        if not 0 <= self.warranty_hours <= MAX_WARRANTY_HOURS:
            raise Invalid(f"A warranty is 0 to {MAX_WARRANTY_HOURS} hours.", field="warrantyHours")


async def list_by_hand(listing: HandListing) -> UUID:
    """List a SKU that a supplier delivers by hand, or price it anew; returns the listing's id.

    Orders that are made keep their price. Raises `NotFound` for a supplier or SKU that there is
    not.
    """
    async with db.transaction(db.core_scope()):
        try:
            listing_id: UUID = await db.fetch_value(
                _UPSERT,
                new_id(),
                listing.supplier_id,
                listing.sku_id,
                listing.supply_price_minor,
                listing.currency,
                listing.warranty_hours,
            )
        except asyncpg.ForeignKeyViolationError as error:
            if "supplier_id" in (error.constraint_name or ""):
                raise NotFound("There is no such supplier.", field="supplierId") from None
            raise NotFound("There is no such SKU.", field="skuId") from None
    return listing_id
