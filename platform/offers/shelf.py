"""The shelf: SKUs of one shop with price, stock and the offers behind them.

`Offer` and `ShelfSku` may be shown to a buyer. `Sourcing` is what stands behind an offer (costs
down the path, supplier, commission); it goes to the order that freezes it and nowhere else.
What a page has dozens of are named tuples, which take a fifth of a frozen dataclass's time to make.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from math import inf
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import db
from offers.comparing import figures_of
from offers.foreign_supply import Exchanged, exchanged_rows
from offers.listings_met import ListingsMet
from offers.offered import Offer as Offer
from offers.offered import Sourcing as Sourcing
from offers.price_list import PriceList, price_list
from offers.quantity_prices import QuantityPrice, offer_for, quantity_prices, usual
from offers.statements import SKUS_BY_ID, SKUS_BY_ID_FOR_CUSTOMER, Row
from offers.stock_seen import note_stock
from supply.holding import hints
from tenants.directory import Shop
from tenants.path_terms import BuyerClass
from tenants.pricing import Priced

READ_AGAIN: Final = 20
"""How often a change of prices may come between a page and its rules before we give up."""

_listings = ListingsMet(10_000)


class RestlessPrices(RuntimeError):
    """Prices changed each time that we read them."""


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
    quantity_prices: tuple[QuantityPrice, ...] = ()
    """From how many pieces on a piece costs what; empty where nobody asked."""

    @property
    def sourcing(self) -> Mapping[UUID, Sourcing]:
        """What stands behind each offer."""
        return {
            row["listing_id"]: Sourcing(
                row["listing_id"],
                row["supplier_id"],
                row["commission_bp"],
                priced.costs,
                priced.net_floor_minor,
                row.get("exchanged"),
            )
            for row, priced in self.behind
        }

    def exchanged(self, offer_id: UUID) -> Exchanged | None:
        """What an offer costs in another currency; None where its supply is in the shop's."""
        rows = (row for row, _ in self.behind if row["listing_id"] == offer_id)
        found: Exchanged | None = next(rows).get("exchanged")
        return found

    @property
    def stock(self) -> int:
        """Pieces that one order can have: the largest single offer's."""
        return self.stock_for(None)

    def stock_for(self, by_hand: bool | None) -> int:
        """The same of the offers that are delivered in this way; None is the usual one."""
        return max([offer.stock for offer in self._delivered(by_hand)], default=0)

    def _delivered(self, by_hand: bool | None) -> Sequence[Offer]:
        if by_hand is None:
            return usual(self.offers)
        return [offer for offer in self.offers if offer.by_hand is by_hand]

    def offer_for(
        self, quantity: int, offer_id: UUID | None = None, *, by_hand: bool | None = None
    ) -> Offer | None:
        """The buyer's choice, or the cheapest offer that covers the quantity.

        `by_hand` is the buyer's choice of who delivers: a person, or not; None is none.
        """
        if offer_id is not None:
            return next((offer for offer in self.offers if offer.id == offer_id), None)
        return offer_for(self._delivered(by_hand), quantity)

    @property
    def display_offer(self) -> Offer:
        """The offer whose price is shown: the cheapest that has a key, else the cheapest."""
        return self.offer_for(1) or self._delivered(None)[0]


class ProductRow(NamedTuple):
    """One product as it stands in the catalogue, and the SKUs of it that the shop sells."""

    row: Row
    skus: Sequence[ShelfSku]
    """Empty when the shelf was not asked for."""
    key: int | str = 0
    """What a cursor keeps of its place in the order of its page."""

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


def key_of(row: Row) -> int | str:
    """The key of a product that a page's statement has found, as a cursor keeps it."""
    key = row["key"]
    return key if isinstance(key, int) else str(key)


async def skus_by_id(
    shop: Shop,
    wanted: Collection[tuple[UUID, int]],
    *,
    stock_bound: int,
    customer_id: UUID | None = None,
    at_cost: bool = False,
) -> dict[tuple[UUID, int], ShelfSku]:
    """The SKUs among these that the shop sells, each at the prices of a line of so many pieces.

    With `at_cost` they are those that the shop itself pays, whatever it asks its buyers. Stock is
    exact up to the bound. One statement, and one more where rules have changed since this
    process read them.
    """
    if not wanted:
        return {}
    sku_ids = list({sku_id for sku_id, _ in wanted})
    statement = SKUS_BY_ID if customer_id is None else SKUS_BY_ID_FOR_CUSTOMER
    values = (list(shop.path), shop.id, stock_bound, sku_ids, *places_of(sku_ids))
    rows, prices = await _priced(shop, statement, values, customer_id=customer_id)
    by_sku = defaultdict(list)
    for row in rows:
        by_sku[row["sku_id"]].append(row)
    found = {}
    if prices is not None:
        for sku_id, quantity in set(wanted) if len(wanted) > 1 else wanted:
            sku = _priced_sku(shop, by_sku[sku_id], prices, quantity=quantity, at_cost=at_cost)
            if sku is not None:
                found[sku_id, quantity] = sku
                _listings.learn(sku.id, [offer.id for offer in sku.offers])
    _note_stock(found.values())
    return found


def places_of(sku_ids: Sequence[UUID]) -> tuple[list[UUID], list[int]]:
    """The listings of these SKUs of which it is known where keys were taken last, and the places:
    counting from there goes around what sold keys have left behind."""
    known = [one for sku_id in sku_ids for one in _listings.of(sku_id)]
    places = {one: place for one in known if (place := hints.position(one)) is not None}
    return list(places), list(places.values())


async def read_shelf(
    shop: Shop,
    sql: str,
    *values: Any,
    customer_id: UUID | None = None,
    with_breaks: bool = False,
) -> tuple[Sequence[Row], list[ShelfSku]]:
    """The rows of a statement of this room, and the SKUs among them, priced as of those rows.

    In a transaction of the shop's core scope, or in a round trip of its own. For a customer, the
    statement is one that asks who that is, and its last value is the customer.
    """
    rows, prices = await _priced(shop, sql, values, customer_id=customer_id)
    if prices is None:
        return rows, []
    offered = [row for row in rows if row["sku_id"] is not None]
    skus = [
        sku
        for _, of_sku in groupby(offered, key=itemgetter("sku_id"))
        if (sku := _priced_sku(shop, list(of_sku), prices, with_breaks=with_breaks)) is not None
    ]
    _note_stock(skus)
    return rows, skus


async def _priced(
    shop: Shop, sql: str, values: Sequence[Any], *, customer_id: UUID | None
) -> tuple[Sequence[Row], PriceList | None]:
    """The rows of a statement, and the prices of what they offer; None where that is nothing."""
    scope = db.core_scope(shop.id, path=shop.path)
    who = () if customer_id is None else (customer_id,)
    for _ in range(READ_AGAIN):
        rows = await db.read(scope, sql, *values, *who)
        if all(row["sku_id"] is None for row in rows):
            return rows, None
        buyer = BuyerClass.of(customer_id, rows[0])
        prices = await price_list(shop, rows[0]["versions"], buyer)
        exchanged = await exchanged_rows(shop, rows, rows[0]["versions"][-1])
        if prices is not None and exchanged is not None:
            return exchanged, prices
    raise RestlessPrices


def _note_stock(skus: Iterable[ShelfSku]) -> None:
    behind = [row for sku in skus for row, _ in sku.behind]
    note_stock(
        [row["listing_id"] for row in behind],
        still_seconds=min(
            [still for row in behind if (still := row["still_seconds"])], default=inf
        ),
    )


def _priced_sku(
    shop: Shop,
    rows: Sequence[Row],
    prices: PriceList,
    *,
    quantity: int = 1,
    with_breaks: bool = False,
    at_cost: bool = False,
) -> ShelfSku | None:
    """A SKU's offers in a line of so many pieces; None where no price may be shown."""
    behind = (_costs_behind if at_cost else _behind)(rows, prices, quantity=quantity)
    if not behind:
        return None
    first = rows[0]
    breaks: tuple[QuantityPrice, ...] = ()
    if with_breaks:
        breaks = quantity_prices(
            prices.breaks_on(first),
            lambda reached: usual(_offers(_behind(rows, prices, quantity=reached))),
            most=first["max_per_order"],
        )
    return ShelfSku(
        id=first["sku_id"],
        product_id=first["product_id"],
        row=first,
        currency=shop.currency,
        title=first.get("title_override", ""),
        offers=_offers(behind),
        behind=tuple(behind),
        quantity_prices=breaks,
    )


def _behind(rows: Sequence[Row], prices: PriceList, *, quantity: int) -> list[tuple[Row, Priced]]:
    return [
        (row, priced)
        for row in rows
        if isinstance(priced := prices.price(row, quantity=quantity), Priced)
    ]


def _costs_behind(
    rows: Sequence[Row], prices: PriceList, *, quantity: int
) -> list[tuple[Row, Priced]]:
    return [
        (row, priced)
        for row in rows
        if (priced := prices.at_cost(row, quantity=quantity)) is not None
    ]


def _offers(behind: Sequence[tuple[Row, Priced]]) -> tuple[Offer, ...]:
    """The offers behind which these stand, the cheapest first."""
    offers = [
        Offer(
            row["listing_id"],
            priced.retail_minor,
            row["stock"],
            row["warranty_hours"],
            figures_of(row),
            row["by_hand"],
        )
        for row, priced in behind
    ]
    if len(offers) > 1:
        offers.sort(key=attrgetter("unit_price_minor"))
    return tuple(offers)
