"""A page of which the process knows everything but what stands on it.

One statement finds out which products these are and at which versions the catalogue is; the goods,
the shop's prices and the stock come from what is known at these versions (`assortment.py`). What is
missing is read and counted. It is the page that the whole statement of `statements.py` gives, at a
fraction of its cost; nobody who must know costs is served by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from kernel import db
from kernel.clock import monotonic_seconds
from kernel.settings import settings
from offers.assortment import Assortment, assortments
from offers.comparing import figures_of
from offers.goods import KnownOffer, KnownProduct, KnownSku
from offers.known_stock import Count
from offers.own_shelf import OwnShelf
from offers.quantity_prices import QuantityPrice, quantity_prices, usual
from offers.shelf import Offer, ProductRow, ShelfSku, key_of
from offers.statements import Detail, PageShape, page_statement
from offers.stock_seen import note_stock
from supply.stock_news import is_scarce
from tenants.directory import Shop
from tenants.path_terms import BuyerClass


class _Sold(NamedTuple):
    """A SKU that the shop sells, and its offers with their prices in minor units."""

    sku: KnownSku
    offers: list[tuple[int, KnownOffer]]


async def remembered_page(
    shop: Shop,
    shape: PageShape,
    values: Sequence[Any],
    *,
    size: int,
    exact: bool,
    customer_id: UUID | None = None,
    with_breaks: bool = False,
) -> tuple[list[ProductRow], bool] | None:
    """The first `size` products of a page, and whether more follow.

    None while the process does not hear what is announced, and when the catalogue has changed
    between two statements. With `exact`, stock that is scarce is counted for this page alone.
    """
    if not assortments.hears:
        return None
    statement = page_statement(replace(shape, detail=Detail.PLACES, described=False))
    scope = db.core_scope(shop.id, path=shop.path)
    who = () if customer_id is None else (customer_id,)
    rows = await db.read(scope, statement, list(shop.path), size + 1, *values, *who)
    versions, buyer = rows[0]["versions"], BuyerClass.of(customer_id, rows[0])
    keys = {row["id"]: key_of(row) for row in rows if row["id"] is not None}
    ids = list(keys)
    assortment = assortments.at(versions[-1])
    shelf = await assortment.shelf_of(shop, versions, buyer)
    if shelf is None or not await assortment.read(shop, ids[:size]):
        return None
    products = [assortment.products[product_id] for product_id in ids[:size]]
    sold = [list(_sold(product, shelf)) for product in products]
    offers = [offer for skus in sold for one in skus for _, offer in one.offers]
    counts = await _counts(assortment, shop, offers, exact=exact)
    writer = _SkuWriter(shelf, counts, currency=shop.currency, with_breaks=with_breaks)
    found = [
        ProductRow(product.row, [writer.write(one) for one in skus], keys[product.row["id"]])
        for product, skus in zip(products, sold, strict=True)
    ]
    assortment.shelves.count((shop.id, buyer))
    return found, len(ids) > size


def _sold(product: KnownProduct, shelf: OwnShelf) -> Iterator[_Sold]:
    """What the shop sells of a product: what nobody on its path hides and no guard forbids."""
    for sku in product.skus:
        if sku.id in shelf.own.hidden:
            continue
        offers = [
            (price_minor, offer)
            for offer in sku.offers
            if (price_minor := shelf.price_minor(offer)) is not None
        ]
        if len(offers) > 1:
            offers.sort(key=_price)
        if offers:
            yield _Sold(sku, offers)


def _price(offer: tuple[int, KnownOffer]) -> int:
    return offer[0]


async def _counts(
    assortment: Assortment, shop: Shop, offers: Sequence[KnownOffer], *, exact: bool
) -> Mapping[int, Count]:
    """The stock of these offers by their numbers, counted where it is not known."""
    now_seconds = monotonic_seconds()
    counts: dict[int, Count] = {}
    unknown = []
    for offer in offers:
        count = assortment.stock.get(offer.number, now_seconds=now_seconds)
        if count is None or (exact and is_scarce(count.pieces)):
            unknown.append(offer)
        else:
            counts[offer.number] = count
    if unknown:
        counts |= await assortment.count(shop, unknown)
    note_stock(
        [offer.id for offer in offers],
        still_seconds=min([one.still_until_seconds for one in counts.values()], default=inf)
        - now_seconds,
    )
    return counts


class _SkuWriter:
    """Puts what is known of a SKU together, for one page."""

    def __init__(
        self, shelf: OwnShelf, counts: Mapping[int, Count], *, currency: str, with_breaks: bool
    ) -> None:
        self._shelf = shelf
        self._counts = counts
        self._currency = currency
        self._with_breaks = with_breaks
        self._bound = settings().low_stock_bound

    def write(self, sold: _Sold) -> ShelfSku:
        """Write one SKU."""
        sku = sold.sku
        return ShelfSku(
            sku.id,
            sku.row["id"],
            sku.row,
            self._currency,
            self._shelf.own.titles.get(sku.id, ""),
            tuple([self._offer(price_minor, offer) for price_minor, offer in sold.offers]),
            quantity_prices=self._quantity_prices(sku) if self._with_breaks else (),
        )

    def _offer(self, price_minor: int, offer: KnownOffer) -> Offer:
        pieces = min(self._bound, self._counts[offer.number].pieces)
        warranty_hours = offer.row["warranty_hours"]
        by_hand: bool = offer.row["by_hand"]
        return Offer(offer.id, price_minor, pieces, warranty_hours, figures_of(offer.row), by_hand)

    def _quantity_prices(self, sku: KnownSku) -> tuple[QuantityPrice, ...]:
        return quantity_prices(
            self._shelf.breaks_on(sku.id),
            lambda reached: usual(self._offers_from(sku, reached)),
            most=sku.row["max_per_order"],
        )

    def _offers_from(self, sku: KnownSku, reached: int) -> list[Offer]:
        offers = [
            self._offer(price_minor, offer)
            for offer in sku.offers
            if offer.number in self._counts
            and (price_minor := self._shelf.price_from_minor(offer, reached)) is not None
        ]
        return sorted(offers, key=attrgetter("unit_price_minor"))
