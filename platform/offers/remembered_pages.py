"""A page of which the process knows everything but what stands on it.

One statement finds out which products these are and at which versions the catalogue is; the goods,
the shop's prices and the stock come from what is known at these versions (`assortment.py`). What is
missing is read and counted. It is the page that the whole statement of `statements.py` gives, at a
fraction of its cost; nobody who must know costs is served by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from kernel import db
from kernel.clock import monotonic_seconds
from kernel.settings import settings
from offers.assortment import Assortment, assortments
from offers.comparing import figures_of
from offers.goods import KnownOffer, KnownProduct, KnownSku
from offers.known_stock import Count
from offers.own_shelf import OwnShelf
from offers.shelf import Offer, ProductRow, ShelfSku
from offers.statements import Detail, PageShape, page_statement
from offers.stock_seen import note_stock
from supply.stock_news import is_scarce
from tenants.directory import Shop


class _Sold(NamedTuple):
    """A SKU that the shop sells, and its offers with their prices in minor units."""

    sku: KnownSku
    offers: list[tuple[int, KnownOffer]]


async def remembered_page(
    shop: Shop, shape: PageShape, values: Sequence[Any], *, size: int, exact: bool
) -> tuple[list[ProductRow], bool] | None:
    """The first `size` products of a page, and whether more follow.

    None while the process does not hear what is announced, and when the catalogue has changed
    between two statements. With `exact`, stock that is scarce is counted for this page alone.
    """
    if not assortments.hears:
        return None
    statement = page_statement(replace(shape, detail=Detail.PLACES, described=False))
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, statement, list(shop.path), size + 1, *values)
    versions = rows[0]["versions"]
    ids = [row["id"] for row in rows if row["id"] is not None]
    assortment = assortments.at(versions[-1])
    shelf = await assortment.shelf_of(shop, versions)
    if shelf is None or not await assortment.read(shop, ids[:size]):
        return None
    products = [assortment.products[product_id] for product_id in ids[:size]]
    sold = [list(_sold(product, shelf, shop.currency)) for product in products]
    assortment.shelves.count(shop.id)
    offers = [offer for skus in sold for one in skus for _, offer in one.offers]
    counts = await _counts(assortment, shop, offers, exact=exact)
    currency, bound = shop.currency, settings().low_stock_bound
    found = [
        ProductRow(
            product.row,
            [_shelf_sku(one, shelf, counts, currency=currency, bound=bound) for one in skus],
        )
        for product, skus in zip(products, sold, strict=True)
    ]
    return found, len(ids) > size


def _sold(product: KnownProduct, shelf: OwnShelf, currency: str) -> Iterator[_Sold]:
    """What the shop sells of a product: what nobody on its path hides and no guard forbids."""
    for sku in product.skus:
        if sku.id in shelf.hidden:
            continue
        offers = [
            (price_minor, offer)
            for offer in sku.offers
            if offer.row["currency"] == currency
            and (price_minor := shelf.price_minor(offer)) is not None
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


def _shelf_sku(
    sold: _Sold, shelf: OwnShelf, counts: Mapping[int, Count], *, currency: str, bound: int
) -> ShelfSku:
    sku = sold.sku
    offers = [
        Offer(
            offer.id,
            price_minor,
            min(bound, counts[offer.number].pieces),
            offer.row["warranty_hours"],
            figures_of(offer.row),
        )
        for price_minor, offer in sold.offers
    ]
    title = shelf.titles.get(sku.id, "")
    return ShelfSku(sku.id, sku.row["id"], sku.row, currency, title, tuple(offers))
