"""The demo's suppliers, what they offer and for how much, and the keys that they have sent."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID
from zlib import crc32

from entrypoints.demo.catalogue import sku_id
from entrypoints.demo.key_files import key_file
from entrypoints.demo.records import CURRENCY, Demo, ProductRecord, SkuRecord, SupplierRecord
from entrypoints.demo.rows import demo_id, insert_missing
from entrypoints.demo.shops import shop_id
from kernel import db
from kernel.money import BASIS_POINTS, largest_remainder, share_bp_half_up
from supply.importing import import_keys
from supply.places import declare_places

TOTAL_KEYS: Final = 6_000
PLACES_EACH: Final = 50
"""Pieces of each listing that a person delivers."""
_PRICE_SPREAD_BP: Final = 150
_IMPORTS_AT_ONCE: Final = 3


@dataclass(frozen=True, slots=True)
class Offered:
    """One supplier's offer of one SKU."""

    supplier: SupplierRecord
    product: ProductRecord
    sku: SkuRecord

    @property
    def name(self) -> str:
        """Name the offer, for its id and its keys."""
        return f"{self.supplier.slug}:{self.sku.code}"

    @property
    def listing_id(self) -> UUID:
        """Return the supplier listing's id."""
        return demo_id("listing", self.name)

    @property
    def supply_price_minor(self) -> int:
        """Return what the supplier asks: the usual price, give or take 1.5 %."""
        spread_bp = crc32(self.name.encode()) % (2 * _PRICE_SPREAD_BP + 1) - _PRICE_SPREAD_BP
        return share_bp_half_up(
            amount_minor=self.sku.supply.amount_minor, bp=BASIS_POINTS + spread_bp
        )


@dataclass(frozen=True, slots=True)
class _Delivery:
    """The keys that a supplier has sent for one offer."""

    offered: Offered
    count: int
    sent_on: date


def supplier_id(slug: str) -> UUID:
    """Return the id of a supplier."""
    return demo_id("supplier", slug)


def offers(demo: Demo) -> Iterator[Offered]:
    """Yield every offer of every supplier."""
    for supplier in demo.suppliers:
        for product in filter(supplier.offers, demo.products):
            yield from (Offered(supplier, product, sku) for sku in product.skus)


async def load_suppliers(demo: Demo) -> int:
    """Add the suppliers and offers that are missing, and count the rows."""
    async with db.transaction(db.core_scope()):
        return await insert_missing(
            "suppliers", [_supplier_row(supplier) for supplier in demo.suppliers]
        ) + await insert_missing(
            "supplier_listings", [_listing_row(offered) for offered in offers(demo)]
        )


def _supplier_row(supplier: SupplierRecord) -> dict[str, object]:
    return {
        "id": supplier_id(supplier.slug),
        "name": supplier.name,
        "commission_bp": supplier.commission_bp,
        "status": "ACTIVE",
    }


def _listing_row(offered: Offered) -> dict[str, object]:
    return {
        "id": offered.listing_id,
        "supplier_id": supplier_id(offered.supplier.slug),
        "sku_id": sku_id(offered.sku.code),
        "supply_price_minor": offered.supply_price_minor,
        "currency": CURRENCY,
        "warranty_hours": offered.supplier.warranty_hours,
        "priority": offered.supplier.priority,
        "by_hand": offered.sku.by_hand,
        "status": "ACTIVE",
    }


async def load_places(demo: Demo) -> int:
    """Open places where none were ever declared, and count them."""
    async with db.transaction(db.core_scope(), read_only=True):
        rows = await db.fetch("select distinct supplier_listing_id from key_batches")
    declared = {row["supplier_listing_id"] for row in rows}
    opened = 0
    for offered in offers(demo):
        if offered.sku.by_hand and offered.listing_id not in declared:
            opened += await declare_places(
                listing_id=offered.listing_id,
                supplier_id=supplier_id(offered.supplier.slug),
                quantity=PLACES_EACH,
            )
    return opened


async def load_keys(demo: Demo) -> int:
    """Import the files that were not imported to their end, and count the keys.

    An import that was taken back is left alone, too.
    """
    ended = await _ended_imports(demo)
    sent_on = await _opening_day(demo)
    due = [
        delivery
        for delivery in _deliveries(demo, sent_on)
        if delivery.offered.listing_id not in ended
    ]
    if not due:
        return 0
    room = asyncio.Semaphore(_IMPORTS_AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="kameng-demo-") as folder:
        async with asyncio.TaskGroup() as imports:
            started = [
                imports.create_task(_import(delivery, folder=Path(folder), room=room))
                for delivery in due
            ]
    return sum(one.result() for one in started)


def _deliveries(demo: Demo, sent_on: date) -> Iterator[_Delivery]:
    """What every supplier has sent: all keys, divided by popularity and the suppliers' shares."""
    with_keys = [offered for offered in offers(demo) if not offered.sku.by_hand]
    weights = [offered.sku.popular * offered.supplier.stock for offered in with_keys]
    counts = largest_remainder(total=TOTAL_KEYS, weights=weights)
    for offered, count in zip(with_keys, counts, strict=True):
        yield _Delivery(offered, count, sent_on)


async def _ended_imports(demo: Demo) -> set[UUID]:
    async with db.transaction(db.core_scope(), read_only=True):
        rows = await db.fetch(
            """select supplier_listing_id from key_batches
               where source_declaration = any ($1) and status <> 'IMPORTING'""",
            [supplier.contract for supplier in demo.suppliers],
        )
    return {row["supplier_listing_id"] for row in rows}


async def _opening_day(demo: Demo) -> date:
    """The day on which this demo was made: files that are written again have the same dates."""
    async with db.transaction(db.core_scope(), read_only=True):
        opened_on: date = await db.fetch_value(
            "select (opened_at at time zone 'UTC')::date from tenants where id = $1",
            shop_id(demo.shops[0].slug),
        )
    return opened_on


async def _import(delivery: _Delivery, *, folder: Path, room: asyncio.Semaphore) -> int:
    """Import one file; says how many keys were new."""
    offered = delivery.offered
    async with room:
        file = key_file(
            offered.product, seed=offered.name, count=delivery.count, sent_on=delivery.sent_on
        )
        path = folder / f"{offered.supplier.slug}-{offered.sku.code}{file.suffix}"
        await asyncio.to_thread(path.write_text, file.text, encoding="utf-8")
        report = await import_keys(
            supplier_listing_id=offered.listing_id,
            path=path,
            source_declaration=offered.supplier.contract,
        )
        return report.accepted
