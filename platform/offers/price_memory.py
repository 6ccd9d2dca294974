"""Prices that were computed stay computed until something changes that a price is made of.

A price is made of the rules and limits of a path, of the supplier's listing, the SKU and its
category, and of the shop's affiliate programs. Each of them has an owner whose version grows with
every change (`catalogue_versions`): at the same versions, a shop's price of a listing is the same
for everybody of one class of buyers, and for all quantities that reach the same break.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from tenants.path_terms import BuyerClass
from tenants.pricing import Broken, Priced

MAX_PRICES_KEPT: Final = 20_000
"""With the costs of every level, about 400 bytes each: of goods that are sold. Pages keep prices
alone, in a fiftieth of that (`own_shelf.py`)."""

Prices = dict[tuple[UUID, int], Priced | Broken]
"""One shop's prices for one class of buyers, by supplier listing and reached break."""
Seat = tuple[UUID, BuyerClass]
"""A shop, and a class of its buyers."""


@dataclass(slots=True)
class _Seat:
    """A shop's prices for one class of buyers, and how many of them the memory has counted."""

    versions: tuple[int, ...]
    prices: Prices = field(default_factory=dict)
    counted: int = 0


class PriceMemory:
    """Prices of the shops, and of their classes of buyers, that were asked for last.

    Whoever asks may add prices to what it gets; they are counted when the same are asked for
    again, so that the bound is passed by no more than what each has added since.
    """

    def __init__(self, most_prices: int) -> None:
        """Make an empty memory of at most so many prices."""
        self._most_prices = most_prices
        self._count = 0
        self._seats: OrderedDict[Seat, _Seat] = OrderedDict()

    def prices_at(self, seat: Seat, versions: Sequence[int]) -> Prices:
        """The prices that are known of these at these versions of the path; add to them."""
        at = tuple(versions)
        kept = self._seats.get(seat)
        if kept is None or kept.versions != at:
            self._forget(seat)
            kept = self._seats[seat] = _Seat(at)
        else:
            self._seats.move_to_end(seat)
            self._count += len(kept.prices) - kept.counted
            kept.counted = len(kept.prices)
        # Who is asked for is the last, and stays whatever it holds.
        while self._count > self._most_prices and len(self._seats) > 1:
            self._forget(next(iter(self._seats)))
        return kept.prices

    def forget(self) -> None:
        """Empty the memory (tests)."""
        self._seats.clear()
        self._count = 0

    def _forget(self, seat: Seat) -> None:
        kept = self._seats.pop(seat, None)
        if kept is not None:
            self._count -= kept.counted


_memory = PriceMemory(MAX_PRICES_KEPT)
prices_at = _memory.prices_at
forget = _memory.forget
