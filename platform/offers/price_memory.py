"""Prices that were computed stay computed until something changes that a price is made of.

A price is made of the rules and limits of a path, of the supplier's listing, the SKU and its
category, and of the shop's affiliate programs. Each of them has an owner whose version grows with
every change (`catalogue_versions`): at the same versions, a shop's price of a listing is the same.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from tenants.pricing import Broken, Priced

MAX_PRICES_KEPT: Final = 20_000
"""With the costs of every level, about 400 bytes each: of goods that are sold. Pages keep prices
alone, in a fiftieth of that (`own_shelf.py`)."""

Prices = dict[UUID, Priced | Broken]
"""One shop's prices by supplier listing."""


@dataclass(slots=True)
class _Shop:
    """A shop's prices, and how many of them the memory has counted."""

    versions: tuple[int, ...]
    prices: Prices = field(default_factory=dict)
    counted: int = 0


class PriceMemory:
    """Prices of the shops that were asked for last.

    Whoever asks may add prices to what it gets; they are counted when the shop is asked for
    again, so that the bound is passed by no more than what each shop has added since.
    """

    def __init__(self, most_prices: int) -> None:
        """Make an empty memory of at most so many prices."""
        self._most_prices = most_prices
        self._count = 0
        self._shops: OrderedDict[UUID, _Shop] = OrderedDict()

    def prices_at(self, tenant_id: UUID, versions: Sequence[int]) -> Prices:
        """The prices that are known of this shop at these versions of its path; add to them."""
        at = tuple(versions)
        shop = self._shops.get(tenant_id)
        if shop is None or shop.versions != at:
            self._forget(tenant_id)
            shop = self._shops[tenant_id] = _Shop(at)
        else:
            self._shops.move_to_end(tenant_id)
            self._count += len(shop.prices) - shop.counted
            shop.counted = len(shop.prices)
        # The shop that is asked for is the last, and stays whatever it holds.
        while self._count > self._most_prices and len(self._shops) > 1:
            self._forget(next(iter(self._shops)))
        return shop.prices

    def forget(self) -> None:
        """Empty the memory (tests)."""
        self._shops.clear()
        self._count = 0

    def _forget(self, tenant_id: UUID) -> None:
        shop = self._shops.pop(tenant_id, None)
        if shop is not None:
            self._count -= shop.counted


_memory = PriceMemory(MAX_PRICES_KEPT)
prices_at = _memory.prices_at
forget = _memory.forget
