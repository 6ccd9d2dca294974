"""What a shop pays itself for goods that it buys: its own purchase price, down the path (拿货价).

The same shelf as for its buyers, at other prices: what the shop would ask for the goods is no
matter here, so one that it prices wrongly, and must not show, is for the shop to have all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kernel.errors import Invalid, NotFound
from kernel.ids import public_id
from kernel.settings import settings
from offers import quotes, shelf
from offers.delivery_modes import FROM_THE_POOL, wanted
from offers.quotes import NotEnough, PriceChanged, QuotedLine
from offers.shelf import Offer, ShelfSku
from supply.stock_news import ANNOUNCED_BELOW_SPARE
from tenants.directory import Shop

MAX_LINES = 500
MAX_PIECES = 500


@dataclass(frozen=True, slots=True)
class CostWish:
    """What a shop wants to buy, and what a piece may cost at most, in minor units.

    `delivery_mode` is the shop's choice where a person delivers beside keys.
    """

    sku_id: UUID
    quantity: int
    most_unit_cost_minor: int | None = None
    delivery_mode: str | None = None


def require_sensible(wishes: Sequence[CostWish], *, most_total_minor: int | None) -> None:
    """Raise `Invalid` for what can be no purchase, whatever the prices are."""
    if not 1 <= len(wishes) <= MAX_LINES:
        raise Invalid(f"A purchase has 1 to {MAX_LINES} lines.", field="lines")
    if any(wish.quantity < 1 for wish in wishes) or (
        sum(wish.quantity for wish in wishes) > MAX_PIECES
    ):
        raise Invalid(f"A purchase has 1 to {MAX_PIECES} pieces.", field="quantity")
    if len({wish.sku_id for wish in wishes}) != len(wishes):
        raise Invalid("The same goods stand in two lines: add them up.", field="lines")
    if most_total_minor is None and any(wish.most_unit_cost_minor is None for wish in wishes):
        raise Invalid("Say what each piece, or all of it, may cost at most.", field="maxTotal")


async def price_at_cost(
    shop: Shop, wishes: Sequence[CostWish], *, most_total_minor: int | None, partial: bool
) -> tuple[QuotedLine, ...]:
    """Price what a shop buys, in its core transaction or in a round trip of its own.

    With `partial` a line is cut to what there is, and one of which there is nothing is left out.
    Raises `NotFound`, `NotEnough`, and `PriceChanged` for what is dearer than it may be; cheaper
    is no reason to refuse.
    """
    most = max(wish.quantity for wish in wishes)
    bound = settings().low_stock_bound + ANNOUNCED_BELOW_SPARE + most
    asked = [(wish.sku_id, wish.quantity) for wish in wishes]
    skus = await shelf.skus_by_id(shop, asked, stock_bound=bound, at_cost=True)
    priced = [
        _line(skus.get(one), wish, partial=partial) for one, wish in zip(asked, wishes, strict=True)
    ]
    lines = tuple(line for line in priced if line is not None)
    if not lines:
        raise NotEnough("Sold out.", field="quantity", details={"available": 0})
    bought = [line.quantity for line in lines]
    if bought != [wish.quantity for wish in wishes]:
        # A price is that of so many pieces: what is left of the wishes is priced anew.
        cut = _cut(wishes, lines)
        return await price_at_cost(shop, cut, most_total_minor=most_total_minor, partial=True)
    if most_total_minor is not None and sum(line.total_minor for line in lines) > most_total_minor:
        raise quotes.price_changed(lines, field="maxTotal")
    return lines


def _cut(wishes: Sequence[CostWish], lines: Sequence[QuotedLine]) -> list[CostWish]:
    """The wishes for what there is."""
    there = {line.sku.id: line.quantity for line in lines}
    return [replace(wish, quantity=there[wish.sku_id]) for wish in wishes if wish.sku_id in there]


def _line(sku: ShelfSku | None, wish: CostWish, *, partial: bool) -> QuotedLine | None:
    if sku is None:
        raise NotFound("This shop does not sell that.", field="skuId")
    by_hand = _by_hand(sku, wish)
    offers = [one for one in sku.offers if one.by_hand is by_hand]
    if not offers:
        raise NotEnough("Sold out.", field="quantity", details={"available": 0})
    offer = sku.offer_for(wish.quantity, by_hand=by_hand)
    offer = offer or max(offers, key=lambda one: one.stock)
    if offer.stock < wish.quantity and not partial:
        available = f"Only {offer.stock} left." if offer.stock else "Sold out."
        raise NotEnough(available, field="quantity", details={"available": offer.stock})
    if not offer.stock:
        return None
    _require_affordable(wish, offer)
    return QuotedLine(sku, offer, min(wish.quantity, offer.stock))


def _by_hand(sku: ShelfSku, wish: CostWish) -> bool:
    """Whether a person delivers: by the shop's choice, or where there are no keys.

    Raises `DeliveryModeNotAllowed`, and `Invalid` for goods that nobody can order yet.
    """
    chosen = wanted(sku.row, wish.delivery_mode)
    return sku.row["delivery_mode"] not in FROM_THE_POOL if chosen is None else chosen


def _require_affordable(wish: CostWish, offer: Offer) -> None:
    most_minor = wish.most_unit_cost_minor
    if most_minor is not None and offer.unit_price_minor > most_minor:
        raise PriceChanged(
            "The price has changed.",
            field="lines",
            details={
                "skuId": public_id("sku", wish.sku_id),
                "unitCostMinor": offer.unit_price_minor,
            },
        )
