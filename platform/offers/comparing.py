"""Offers of one SKU beside each other: how reliable, how fast, and in which order. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

OfferSort = Literal["PRICE", "RELIABILITY", "SPEED", "BALANCED"]
Badge = Literal["CHEAPEST", "MOST_RELIABLE"]
ENOUGH_SALES: Final = 20
"""So many keys must stand behind a share before it is shown or praised."""
_EXPECTED: Final = 0.95
"""What is thought of somebody who has sold nothing yet, with the weight of `ENOUGH_SALES` keys."""
_NEVER_SECONDS: Final = 10**9


class Figures(NamedTuple):
    """What came of an offer's sales in the last 90 days, in keys that did not come back."""

    sold: int
    faults: int
    typical_seconds: int | None

    @property
    def reliability_bp(self) -> int | None:
        """The share of keys that were not refunded for the supplier's fault, in basis points; None
        while too few stand behind it."""
        if self.sold < ENOUGH_SALES:
            return None
        return max(0, self.sold - self.faults) * 10_000 // self.sold

    @property
    def expected(self) -> float:
        """The share to expect of the next key: few sales say little."""
        good = max(0, self.sold - self.faults)
        return (good + _EXPECTED * ENOUGH_SALES) / (self.sold + ENOUGH_SALES)


NO_SALES: Final = Figures(0, 0, None)


class Comparable(Protocol):
    """What a comparison asks of an offer."""

    @property
    def id(self) -> UUID: ...
    @property
    def unit_price_minor(self) -> int: ...
    @property
    def stock(self) -> int: ...
    @property
    def figures(self) -> Figures: ...


def figures_of(row: Mapping[str, Any]) -> Figures:
    """The figures of a row that has them."""
    sold = row.get("sold")
    return NO_SALES if sold is None else Figures(sold, row["faults"], row["typical_seconds"])


def in_order(offers: Sequence[Comparable], sort: OfferSort) -> list[UUID]:
    """The offers' ids from the best to the least good; what is sold out comes last.

    BALANCED is what a key costs that works: the price over the share to expect. Equal ones stay as
    they are, from the cheapest to the dearest.
    """
    return [one.id for one in sorted(offers, key=lambda one: (one.stock < 1, _rank(one, sort)))]


def _rank(offer: Comparable, sort: OfferSort) -> float:
    if sort == "RELIABILITY":
        return -offer.figures.expected
    if sort == "SPEED":
        return offer.figures.typical_seconds or _NEVER_SECONDS
    if sort == "BALANCED":
        return offer.unit_price_minor / offer.figures.expected
    return offer.unit_price_minor


def badges(offers: Sequence[Comparable]) -> dict[UUID, list[Badge]]:
    """Who deserves which praise among those that have stock; nobody who stands alone."""
    found: dict[UUID, list[Badge]] = {offer.id: [] for offer in offers}
    rivals = [offer for offer in offers if offer.stock > 0]
    if len(rivals) < 2:
        return found
    lowest = min(offer.unit_price_minor for offer in rivals)
    shares = [offer.figures.reliability_bp or 0 for offer in rivals]
    for offer, share in zip(rivals, shares, strict=True):
        if offer.unit_price_minor == lowest:
            found[offer.id].append("CHEAPEST")
        if share and share == max(shares):
            found[offer.id].append("MOST_RELIABLE")
    return found
