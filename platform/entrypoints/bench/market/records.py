"""What stands in a market, as the workloads ask for it."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True)
class BenchShop:
    """A shop of the lowest level."""

    id: UUID
    host: str


@dataclass(frozen=True, slots=True)
class BenchSku:
    """A product's only SKU and the one listing that its keys stand in."""

    id: UUID
    product_id: UUID
    listing_id: UUID
    batch_id: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class BenchBuyer:
    """A signed-in customer with more money than the workload can spend."""

    id: UUID
    shop: BenchShop
    token: str


@dataclass(frozen=True, slots=True)
class Market:
    """What stands in the template that each workload's databases are made from."""

    shops: tuple[BenchShop, ...]
    skus: tuple[BenchSku, ...]


async def read_market(owner: asyncpg.Connection) -> Market:
    """Read what `plant_market` has made, now or in an earlier run."""
    shops = await owner.fetch(
        """select tenant.id, domain.host from tenants tenant
           join tenant_domains domain on domain.tenant_id = tenant.id
           where domain.host like '%.bench.test'
           order by length(domain.host), domain.host"""
    )
    skus = await owner.fetch(
        """select sku.id, sku.product_id, listing.id as listing_id, batch.id as batch_id,
                  product.slug
           from products product
           join skus sku on sku.product_id = product.id
           join supplier_listings listing on listing.sku_id = sku.id
           join key_batches batch on batch.supplier_listing_id = listing.id
           order by product.position"""
    )
    return Market(
        shops=tuple(BenchShop(**row) for row in shops), skus=tuple(BenchSku(**row) for row in skus)
    )
