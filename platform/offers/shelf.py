"""The shelf: SKUs of one shop with price, stock and the offers behind them.

`Offer` and `ShelfSku` may be shown to a buyer. `Sourcing` is what stands behind an offer (costs
down the path, supplier, commission); it goes to the order that freezes it and nowhere else.
What a page has dozens of are named tuples, which take a fifth of a frozen dataclass's time to make.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import db
from offers.comparing import NO_SALES, Figures, figures_of
from offers.listings_met import ListingsMet
from offers.price_memory import Prices, prices_at
from offers.prices import Limits, price_offer
from offers.statements import SKUS_BY_ID, Row
from offers.stock_seen import note_stock
from supply.holding import hints
from tenants.directory import Shop
from tenants.price_books import TenantBook, path_books
from tenants.pricing import Priced

READ_AGAIN: Final = 20
"""How often a change of prices may come between a page and its rules before we give up."""

_listings = ListingsMet(10_000)


class RestlessPrices(RuntimeError):
    """Prices changed each time that we read them."""


@dataclass(frozen=True, slots=True)
class Sourcing:
    """What an offer costs every level, and whose keys it sells. Never shown to a buyer."""

    supplier_listing_id: UUID
    supplier_id: UUID
    supplier_commission_bp: int
    costs: tuple[int, ...]


class Offer(NamedTuple):
    """One seller's offer of a SKU: what a piece costs the buyer, and how many there are."""

    id: UUID
    unit_price_minor: int
    stock: int
    warranty_hours: int
    figures: Figures = NO_SALES
    """Read for pages that show them, and no sales for everybody else."""


class ShelfSku(NamedTuple):
    """One SKU as a shop sells it, its offers from the cheapest to the dearest."""

    id: UUID
    product_id: UUID
    row: Row
    currency: str
    title: str
    """What the shop itself calls it; empty where it does not."""
    offers: tuple[Offer, ...]
    behind: tuple[tuple[Row, Priced], ...] = ()
    """The row and the costs of every offer; on pages for buyers nothing."""

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


class ProductRow(NamedTuple):
    """One product as it stands in the catalogue, and the SKUs of it that the shop sells."""

    row: Row
    skus: Sequence[ShelfSku]
    """Empty when the shelf was not asked for."""

    @property
    def id(self) -> UUID:
        """The product's id."""
        product_id: UUID = self.row["id"]
        return product_id

    @property
    def slug(self) -> str:
        """The product's name in addresses."""
        slug: str = self.row["slug"]
        return slug

    @property
    def position(self) -> int:
        """Its place in the shop's own order."""
        position: int = self.row["position"]
        return position


async def skus_by_id(
    shop: Shop, sku_ids: Sequence[UUID], *, stock_bound: int
) -> dict[UUID, ShelfSku]:
    """The SKUs among these that the shop sells; stock is exact up to the bound.

    One statement, and one more where rules have changed since this process read them.
    """
    if not sku_ids:
        return {}
    values = (list(shop.path), shop.id, shop.currency, stock_bound, list(sku_ids))
    _, skus = await read_shelf(shop, SKUS_BY_ID, *values, *places_of(sku_ids))
    for sku in skus:
        _listings.learn(sku.id, [offer.id for offer in sku.offers])
    return {sku.id: sku for sku in skus}


def places_of(sku_ids: Sequence[UUID]) -> tuple[list[UUID], list[int]]:
    """The listings of these SKUs of which it is known where keys were taken last, and the places:
    counting from there goes around what sold keys have left behind."""
    known = [one for sku_id in sku_ids for one in _listings.of(sku_id)]
    places = {one: place for one in known if (place := hints.position(one))}
    return list(places), list(places.values())


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
            limits = Limits(row["floor_minor"], row["ceiling_minor"], row["worst_affiliate_bp"])
            result = prices[listing_id] = price_offer(row, limits, books, shop_slug=shop.slug)
        if isinstance(result, Priced):
            offers.append(
                Offer(
                    listing_id,
                    result.retail_minor,
                    row["stock"],
                    row["warranty_hours"],
                    figures_of(row),
                )
            )
            behind.append((row, result))
    if len(offers) > 1:
        offers.sort(key=attrgetter("unit_price_minor"))
    first = rows[0]
    return ShelfSku(
        id=first["sku_id"],
        product_id=first["product_id"],
        row=first,
        currency=shop.currency,
        title=first.get("title_override", ""),
        offers=tuple(offers),
        behind=tuple(behind),
    )
