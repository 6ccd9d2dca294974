"""From how many pieces on a SKU costs another price."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar


class QuantityPrice(NamedTuple):
    """What a piece costs the buyer in a line of so many and more, in minor units."""

    from_quantity: int
    unit_price_minor: int


class _Offered(Protocol):
    @property
    def unit_price_minor(self) -> int: ...

    @property
    def stock(self) -> int: ...

    @property
    def by_hand(self) -> bool: ...


O = TypeVar("O", bound=_Offered)  # noqa: E741 - the offers of one SKU, not a number


def offer_for(offers: Sequence[O], quantity: int) -> O | None:
    """The cheapest of a SKU's offers, sorted by price, that covers a quantity."""
    for offer in offers:
        if offer.stock >= quantity:
            return offer
    return None


def usual(offers: Sequence[O]) -> Sequence[O]:
    """The offers that count where the buyer has not chosen: who waits for a person has said so,
    unless nobody else sells it."""
    if not any(offer.by_hand for offer in offers):
        return offers
    return [offer for offer in offers if not offer.by_hand] or offers


def quantity_prices(
    breaks: Iterable[int], offers_at: Callable[[int], Sequence[_Offered]], *, most: int
) -> tuple[QuantityPrice, ...]:
    """The prices of a line of one piece and more, where they change, up to `most` pieces.

    `offers_at` gives the offers at a quantity, the cheapest first. A break at which the buyer pays
    the same is none to the buyer: it may be a parent's. Where a guard forbids to sell so many,
    there is no price to show.
    """
    found: list[QuantityPrice] = []
    for quantity in (1, *(one for one in breaks if one <= most)):
        offers = offers_at(quantity)
        if not offers:
            continue
        unit_price_minor = (offer_for(offers, quantity) or offers[0]).unit_price_minor
        if not found or found[-1].unit_price_minor != unit_price_minor:
            found.append(QuantityPrice(quantity, unit_price_minor))
    return tuple(found)
