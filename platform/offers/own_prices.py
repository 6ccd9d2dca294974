"""A shop's own side of its prices: what it pays, what it asks, what it charges its children.

Exactly what the shop may know (domain 2): its own c_n, never an ancestor's cost, a supplier's
price or a supplier's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from offers import shelf
from tenants.directory import Shop


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


async def own_prices(shop: Shop, product_ids: Sequence[UUID]) -> list[OwnPrice]:
    """What the shop pays and asks for the SKUs of these products."""
    shelves = await shelf.skus_of_products(shop, product_ids)
    return [
        OwnPrice(
            sku_id=sku.id,
            code=sku.row["code"],
            name_zh=sku.row["name_zh"],
            name_en=sku.row["name_en"],
            cost_minor=sku.sourcing[sku.display_offer.id].costs[-1],
            retail_minor=sku.display_offer.unit_price_minor,
            stock=sku.stock,
        )
        for product_id in product_ids
        for sku in shelves[product_id]
    ]
