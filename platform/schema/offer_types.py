"""Offers of a SKU as buyers compare them. Sellers are not named."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

import strawberry

from kernel.ids import public_id
from kernel.settings import settings
from offers.comparing import badges, in_order
from offers.delivery_modes import mode_of
from offers.shelf import Offer as ShelfOffer
from offers.shelf import ShelfSku
from schema.delivery_modes import DeliveryMode
from schema.execution import Shared
from schema.look_ahead import Selected
from schema.money import Money, amount

NOT_ASKED: Final = ""
"""Stands in a field that the request did not select."""


@strawberry.type(description="Pieces that can be bought now in one order.")
class StockView(Shared):
    """Exact up to a bound; `more` says that there are at least so many."""

    quantity: int
    more: bool


@strawberry.enum
class OfferSort(Enum):
    """The order of a SKU's offers: what costs least, what is most likely to work, what comes
    soonest, or what costs least for a key that works. Sold-out offers come last."""

    PRICE = "PRICE"
    RELIABILITY = "RELIABILITY"
    SPEED = "SPEED"
    BALANCED = "BALANCED"


@strawberry.enum
class OfferBadge(Enum):
    """What an offer is praised for among those that can be bought."""

    CHEAPEST = "CHEAPEST"
    MOST_RELIABLE = "MOST_RELIABLE"


@strawberry.type(description="One seller's offer of a SKU. Sellers are not named.")
class Offer:
    """A price, a stock and how long the seller answers for a key. The figures are of the last 90
    days: `sold` keys that did not come back unopened, of which `reliabilityBp` basis points were
    not refunded for the seller's fault (null while too few were sold); half of them were delivered
    within `typicalSeconds` of the payment."""

    id: strawberry.ID
    price: Money
    stock: StockView
    warranty_hours: int
    delivery_mode: DeliveryMode
    sold: int
    reliability_bp: int | None
    typical_seconds: int | None
    badges: list[OfferBadge] = strawberry.field(metadata={"assumed_size": 2})


def offers_of(sku: ShelfSku, asked: Selected, sort: OfferSort | None) -> list[Offer]:
    """Write the offers of a SKU from the cheapest on, or in the order that was asked for."""
    offers: Sequence[ShelfOffer] = sku.offers
    if sort is not None:
        by_id = {offer.id: offer for offer in offers}
        offers = [by_id[offer_id] for offer_id in in_order(offers, sort.value)]
    praise = badges(sku.offers) if asked.has("badges") else {}
    return [_offer(offer, sku, asked, praise.get(offer.id, ())) for offer in offers]


def _offer(offer: ShelfOffer, sku: ShelfSku, asked: Selected, praise: Sequence[str]) -> Offer:
    return Offer(
        id=strawberry.ID(public_id("ofr", offer.id) if asked.has("id") else NOT_ASKED),
        price=amount(offer.unit_price_minor, sku.currency),
        stock=stock_view(offer.stock),
        warranty_hours=offer.warranty_hours,
        delivery_mode=DeliveryMode(mode_of(sku.row, by_hand=offer.by_hand)),
        sold=offer.figures.sold,
        reliability_bp=offer.figures.reliability_bp,
        typical_seconds=offer.figures.typical_seconds,
        badges=[OfferBadge(badge) for badge in praise],
    )


def stock_view(quantity: int) -> StockView:
    """Say how many there are, and whether that is only the bound."""
    return counted_stock_view(quantity, quantity >= settings().low_stock_bound)


@lru_cache(maxsize=1_000)
def counted_stock_view(quantity: int, more: bool) -> StockView:
    """Show a quantity of which the caller knows whether it is only the bound."""
    return StockView(quantity=quantity, more=more)
