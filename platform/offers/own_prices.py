"""A shop's own side of its prices: what it pays, what it asks, what it charges its children.

Exactly what the shop may know (domain 2): its own c_n, never an ancestor's cost, a supplier's
price or a supplier's name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from offers.shelf import ProductRow


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """One SKU in minor units: the shop's cost, its retail price, and the margin between."""

    sku_id: UUID
    code: str
    name_zh: str
    name_en: str
    cost_minor: int
    retail_minor: int
    stock: int


def own_prices(rows: Iterable[ProductRow]) -> list[OwnPrice]:
    """What the shop pays and asks for the SKUs of these products, read with their words."""
    return [
        OwnPrice(
            sku_id=sku.id,
            code=sku.row["code"],
            name_zh=sku.row["sku_name_zh"],
            name_en=sku.row["sku_name_en"],
            cost_minor=sku.sourcing[sku.display_offer.id].costs[-1],
            retail_minor=sku.display_offer.unit_price_minor,
            stock=sku.stock,
        )
        for row in rows
        for sku in row.skus
    ]
