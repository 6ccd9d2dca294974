"""A supplier's own view of its offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kernel import db


@dataclass(frozen=True, slots=True)
class SupplierListingRow:
    """One offer of a supplier, with what is left of it and what was sold."""

    id: UUID
    code: str
    name_zh: str
    name_en: str
    supply_price_minor: int
    currency: str
    status: str
    paused_for: str | None
    stock: int
    sold: int


async def supplier_by_id(supplier_id: UUID) -> Mapping[str, Any] | None:
    """The supplier's row."""
    return await db.fetch_row(
        "select name, status, commission_bp from suppliers where id = $1", supplier_id
    )


async def supplier_listings(supplier_id: UUID, limit: int = 100) -> list[SupplierListingRow]:
    """The supplier's offers, with stock counted up to 1,000."""
    rows = await db.fetch(
        """select l.id, s.code, s.name_zh, s.name_en, l.supply_price_minor, l.currency, l.status,
                  l.paused_for,
                  free_keys(l.id, s.min_remaining_days, 1000) as stock,
                  (select count(*)::int from keys k where k.supplier_listing_id = l.id
                   and k.status in ('SOLD', 'REVEALED')) as sold
           from supplier_listings l join skus s on s.id = l.sku_id
           where l.supplier_id = $1 order by s.code limit $2""",
        supplier_id,
        limit,
    )
    return [SupplierListingRow(**row) for row in rows]
