"""What one shop makes of the platform's goods: which it hides, what it calls them, and its prices.

Everything here is true at certain versions of the shop's path, and forgotten with them. A price is
eight bytes in an array, found by the number of its offer, so that a process can keep every price of
many shops.
"""

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from offers.goods import KnownOffer
from offers.prices import Limits, price_offer
from offers.statements import Row
from tenants.price_books import TenantBook
from tenants.pricing import Broken

_NOT_YET: Final = -1
_HIDDEN: Final = -2
_WORD_BYTES: Final = 200
"""Of a SKU that is hidden, named or limited, about."""
_OVERHEAD_BYTES: Final = 1_000
_NO_LIMITS: Final = (None, None)


class OwnShelf:
    """One shop's terms and prices at the versions of its path."""

    def __init__(
        self,
        versions: tuple[int, ...],
        terms: Row,
        books: tuple[TenantBook, ...],
        *,
        shop_slug: str,
    ) -> None:
        self.versions = versions
        self.hidden: frozenset[UUID] = frozenset(terms["hidden"])
        self.titles: dict[UUID, str] = dict(
            zip(terms["titled"] or (), terms["titles"] or (), strict=True)
        )
        self._limits: Mapping[UUID, tuple[int | None, int | None]] = {
            sku_id: (floor, ceiling)
            for sku_id, floor, ceiling in zip(
                terms["limited"] or (), terms["floors"] or (), terms["ceilings"] or (), strict=True
            )
        }
        self._worst_affiliate_bp: int = terms["worst_affiliate_bp"]
        self._shop_slug = shop_slug
        self._books = books
        self._prices = array("q")

    @property
    def size_bytes(self) -> int:
        """What keeping it costs, about."""
        words = len(self.hidden) + len(self.titles) + len(self._limits)
        return len(self._prices) * self._prices.itemsize + words * _WORD_BYTES + _OVERHEAD_BYTES

    def price_minor(self, offer: KnownOffer) -> int | None:
        """What a piece of this offer costs the buyer, in minor units; None where a guard on prices
        forbids to show it."""
        prices, number = self._prices, offer.number
        if number >= len(prices):
            prices.extend([_NOT_YET] * (number + 1 - len(prices)))
        known = prices[number]
        if known == _NOT_YET:
            known = prices[number] = self._computed(offer)
        return None if known == _HIDDEN else known

    def _computed(self, offer: KnownOffer) -> int:
        floor_minor, ceiling_minor = self._limits.get(offer.row["sku_id"], _NO_LIMITS)
        limits = Limits(floor_minor, ceiling_minor, self._worst_affiliate_bp)
        result = price_offer(offer.row, limits, self._books, shop_slug=self._shop_slug)
        return _HIDDEN if isinstance(result, Broken) else result.retail_minor


class OwnShelves:
    """The shelves of the shops that were asked for last, within so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._shelves: OrderedDict[UUID, OwnShelf] = OrderedDict()
        self._counted: dict[UUID, int] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """What is kept, as it was when each shelf was last counted."""
        return self._bytes

    def get(self, tenant_id: UUID, versions: Sequence[int]) -> OwnShelf | None:
        """Give the shelf of a shop at exactly these versions of its path."""
        shelf = self._shelves.get(tenant_id)
        if shelf is None or shelf.versions != tuple(versions):
            return None
        self._shelves.move_to_end(tenant_id)
        return shelf

    def put(self, tenant_id: UUID, shelf: OwnShelf) -> None:
        """Keep a shelf; those that nobody has asked for longest make room."""
        self._shelves[tenant_id] = shelf
        self._shelves.move_to_end(tenant_id)
        self.count(tenant_id)

    def count(self, tenant_id: UUID) -> None:
        """Count a shelf anew that has got more prices."""
        shelf = self._shelves.get(tenant_id)
        if shelf is None:
            return
        size_bytes = shelf.size_bytes
        self._bytes += size_bytes - self._counted.get(tenant_id, 0)
        self._counted[tenant_id] = size_bytes
        # The shop that was asked for is the last, and stays whatever it holds.
        while self._bytes > self._max_bytes and len(self._shelves) > 1:
            oldest, _ = self._shelves.popitem(last=False)
            self._bytes -= self._counted.pop(oldest)
