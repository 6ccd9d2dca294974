"""The shelf: SKUs of one shop with price, stock and the offers behind them.

`Offer` and `ShelfSku` may be shown to a buyer. `Sourcing` is what stands behind an offer (costs
down the path, supplier, commission); it goes to the order that freezes it and nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf
from operator import attrgetter, itemgetter
from typing import Any, Final
from uuid import UUID

from billing.payment_methods import dearest_fee_bp
from kernel import db
from kernel.log import get_logger
from offers.price_memory import Prices, prices_at
from offers.statements import SKUS_BY_ID
from offers.stock_seen import note_stock
from tenants.directory import Shop
from tenants.price_books import TenantBook, path_books
from tenants.pricing import Broken, PathLevel, Priced, PriceInputs, most_specific, price

log = get_logger(__name__)

Row = Mapping[str, Any]
READ_AGAIN: Final = 20
"""How often a change of prices may come between a page and its rules before we give up."""


class RestlessPrices(RuntimeError):
    """Prices changed each time that we read them."""


@dataclass(frozen=True, slots=True)
class Sourcing:
    """What an offer costs every level, and whose keys it sells. Never shown to a buyer."""

    supplier_listing_id: UUID
    supplier_id: UUID
    supplier_commission_bp: int
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One seller's offer of a SKU: what a piece costs the buyer, and how many there are."""

    id: UUID
    unit_price_minor: int
    stock: int
    warranty_hours: int


@dataclass(frozen=True, slots=True)
class ShelfSku:
    """One SKU as a shop sells it, its offers from the cheapest to the dearest."""

    id: UUID
    product_id: UUID
    row: Row
    currency: str
    offers: tuple[Offer, ...]
    behind: tuple[tuple[Row, Priced], ...]
    """The row and the costs of every offer."""

    @property
    def sourcing(self) -> Mapping[UUID, Sourcing]:
        """What stands behind each offer."""
        return {
            row["listing_id"]: Sourcing(
                row["listing_id"], row["supplier_id"], row["commission_bp"], priced.costs
            )
            for row, priced in self.behind
        }

    @property
    def stock(self) -> int:
        """Pieces that one order can have: the largest single offer's."""
        return max([offer.stock for offer in self.offers])

    def offer_for(self, quantity: int, offer_id: UUID | None = None) -> Offer | None:
        """The buyer's choice, or the cheapest offer that covers the quantity."""
        if offer_id is not None:
            return next((offer for offer in self.offers if offer.id == offer_id), None)
        for offer in self.offers:
            if offer.stock >= quantity:
                return offer
        return None

    @property
    def display_offer(self) -> Offer:
        """The offer whose price is shown: the cheapest that has a key, else the cheapest."""
        return self.offer_for(1) or self.offers[0]


async def skus_by_id(
    shop: Shop, sku_ids: Sequence[UUID], *, stock_bound: int
) -> dict[UUID, ShelfSku]:
    """The SKUs among these that the shop sells; stock is exact up to the bound.

    One statement, and one more where rules have changed since this process read them.
    """
    if not sku_ids:
        return {}
    values = (list(shop.path), shop.id, shop.currency, stock_bound, list(sku_ids))
    _, skus = await read_shelf(shop, SKUS_BY_ID, *values)
    return {sku.id: sku for sku in skus}


async def read_shelf(shop: Shop, sql: str, *values: Any) -> tuple[Sequence[Row], list[ShelfSku]]:
    """The rows of a statement of this room, and the SKUs among them, priced as of those rows.

    In a transaction of the shop's core scope, or in a round trip of its own.
    """
    scope = db.core_scope(shop.id, path=shop.path)
    for _ in range(READ_AGAIN):
        rows = await db.read(scope, sql, *values)
        offered = [row for row in rows if row["sku_id"] is not None]
        if not offered:
            return rows, []
        versions = rows[0]["versions"]
        books = await path_books(shop, versions)
        if books is not None:
            return rows, _priced_skus(shop, offered, books, prices_at(shop.id, versions))
    raise RestlessPrices


def _priced_skus(
    shop: Shop, offered: Iterable[Row], books: tuple[TenantBook, ...], prices: Prices
) -> list[ShelfSku]:
    """Rows of one SKU stand together."""
    skus = []
    for _, rows in groupby(offered, key=itemgetter("sku_id")):
        sku = _priced_sku(shop, tuple(rows), books, prices)
        if sku.offers:
            skus.append(sku)
    note_stock(
        [offer.id for sku in skus for offer in sku.offers],
        still_seconds=min(
            [still for sku in skus for row, _ in sku.behind if (still := row["still_seconds"])],
            default=inf,
        ),
    )
    return skus


def _priced_sku(
    shop: Shop, rows: Sequence[Row], books: tuple[TenantBook, ...], prices: Prices
) -> ShelfSku:
    offers: list[Offer] = []
    behind: list[tuple[Row, Priced]] = []
    for row in rows:
        listing_id = row["listing_id"]
        result = prices.get(listing_id)
        if result is None:
            result = prices[listing_id] = _price_offer(shop, row, books)
        if isinstance(result, Priced):
            offers.append(
                Offer(listing_id, result.retail_minor, row["stock"], row["warranty_hours"])
            )
            behind.append((row, result))
    if len(offers) > 1:
        offers.sort(key=attrgetter("unit_price_minor"))
    first = rows[0]
    return ShelfSku(
        first["sku_id"], first["product_id"], first, shop.currency, tuple(offers), tuple(behind)
    )


def _price_offer(shop: Shop, row: Row, books: tuple[TenantBook, ...]) -> Priced | Broken:
    """Compute a price. One broken rule hides one offer, it never breaks the list."""
    result = _computed(row, tuple(book.level for book in books), books[-1].payment_methods)
    if isinstance(result, Broken):  # the log is the alert
        log.warning(
            "price_hidden",
            tenant=shop.slug,
            sku=row["code"],
            guard=result.guard,
            level=result.level,
        )
    return result


def _computed(
    row: Row, levels: tuple[PathLevel, ...], payment_methods: Sequence[str]
) -> Priced | Broken:
    floors = (row["floor_minor"], row["min_retail_minor"])
    ceilings = (row["ceiling_minor"], row["max_retail_minor"])
    inputs = PriceInputs(
        sku_id=row["sku_id"],
        # The path is stored top first; the nearest category must be asked first.
        category_path=tuple(reversed(row["category_path"])),
        face_value_minor=row["face_value_minor"],
        supply_price_minor=row["supply_price_minor"],
        levels=levels,
        floor_minor=max((floor for floor in floors if floor is not None), default=None),
        ceiling_minor=min((ceiling for ceiling in ceilings if ceiling is not None), default=None),
        worst_affiliate_bp=row["worst_affiliate_bp"],
        dearest_channel_fee_bp=dearest_fee_bp(payment_methods),
    )
    suggested = _suggested_retail(inputs)
    return price(inputs if suggested is None else replace(inputs, suggested_retail_minor=suggested))


def _suggested_retail(inputs: PriceInputs) -> int | None:
    """What the parent's own shop asks; asked only where the shop has no rule of its own."""
    *above, shop = inputs.levels
    own = most_specific(shop.retail_rules, sku_id=inputs.sku_id, category_path=inputs.category_path)
    if own is not None or not above:
        return None
    parent = replace(inputs, levels=tuple(above), floor_minor=None, ceiling_minor=None)
    result = price(replace(parent, suggested_retail_minor=_suggested_retail(parent)))
    return result.retail_minor if isinstance(result, Priced) else None
