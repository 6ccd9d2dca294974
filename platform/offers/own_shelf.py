"""What one shop makes of the platform's goods: which it hides, what it calls them, and its prices.

Everything here is true at certain versions of the shop's path, and forgotten with them. A shop has
a shelf for each class of buyers. A price is eight bytes in an array, found by the number of its
offer, so that a process can keep every price of many shops.
"""

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from exchange.rates import Rates
from offers.foreign_supply import in_currency
from offers.goods import KnownOffer
from offers.prices import Limits, price_offer
from offers.statements import Row
from tenants.path_terms import BuyerClass, PathTerms
from tenants.pricing import Broken

_NOT_YET: Final = -1
_HIDDEN: Final = -2
_WORD_BYTES: Final = 200
"""Of a SKU that is hidden, named or limited, about."""
_OVERHEAD_BYTES: Final = 1_000
_NO_LIMITS: Final = (None, None)

Seat = tuple[UUID, BuyerClass]
"""A shop, and a class of its buyers."""


class OwnTerms:
    """What a shop and those above it say of the goods, but for their price rules."""

    def __init__(self, row: Row) -> None:
        """Lay out the row of `OWN_TERMS`."""
        self.versions: tuple[int, ...] = tuple(row["versions"])
        self.hidden: frozenset[UUID] = frozenset(row["hidden"])
        self.titles: dict[UUID, str] = dict(
            zip(row["titled"] or (), row["titles"] or (), strict=True)
        )
        self._limits: Mapping[UUID, tuple[int | None, int | None]] = {
            sku_id: (floor, ceiling)
            for sku_id, floor, ceiling in zip(
                row["limited"] or (), row["floors"] or (), row["ceilings"] or (), strict=True
            )
        }
        self._worst_affiliate_bp: int = row["worst_affiliate_bp"]
        self.rates = Rates.of(row["rates"])

    @property
    def words(self) -> int:
        """How many SKUs are hidden, named or limited."""
        return len(self.hidden) + len(self.titles) + len(self._limits)

    def limits(self, sku_id: UUID) -> Limits:
        """Give what bounds the price of a SKU."""
        floor_minor, ceiling_minor = self._limits.get(sku_id, _NO_LIMITS)
        return Limits(floor_minor, ceiling_minor, self._worst_affiliate_bp)


class OwnShelf:
    """One shop's prices for one class of buyers, at the versions of its path.

    `own` may be shared by the shelves of several classes.
    """

    def __init__(self, own: OwnTerms, terms: PathTerms, *, shop_slug: str, currency: str) -> None:
        self.own = own
        self._shop_slug = shop_slug
        self._currency = currency
        self._terms = terms
        self._prices = array("q")
        self._prices_from: dict[tuple[int, int], int] = {}

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of the path at which all of this is true."""
        return self.own.versions

    @property
    def size_bytes(self) -> int:
        """What keeping it costs, about."""
        words = self.own.words + len(self._prices_from)
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

    def breaks_on(self, sku_id: UUID) -> tuple[int, ...]:
        """The numbers of pieces, above one, from which on a SKU may cost something else."""
        return self._terms.breaks_on(sku_id)

    def price_from_minor(self, offer: KnownOffer, reached: int) -> int | None:
        """What a piece costs in a line that reaches a break; None as in `price_minor`."""
        if reached == 1:
            return self.price_minor(offer)
        key = (offer.number, reached)
        known = self._prices_from.get(key)
        if known is None:
            known = self._prices_from[key] = self._computed(offer, quantity=reached)
        return None if known == _HIDDEN else known

    def _computed(self, offer: KnownOffer, *, quantity: int = 1) -> int:
        result = price_offer(
            in_currency(offer.row, self._currency, self.own.rates),
            self.own.limits(offer.row["sku_id"]),
            self._terms,
            quantity=quantity,
            shop_slug=self._shop_slug,
        )
        return _HIDDEN if isinstance(result, Broken) else result.retail_minor


class OwnShelves:
    """The shelves of the shops that were asked for last, within so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._shelves: OrderedDict[Seat, OwnShelf] = OrderedDict()
        self._counted: dict[Seat, int] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """What is kept, as it was when each shelf was last counted."""
        return self._bytes

    def get(self, seat: Seat, versions: Sequence[int]) -> OwnShelf | None:
        """Give a shelf at exactly these versions of its shop's path."""
        shelf = self._shelves.get(seat)
        if shelf is None or shelf.versions != tuple(versions):
            return None
        self._shelves.move_to_end(seat)
        return shelf

    def put(self, seat: Seat, shelf: OwnShelf) -> None:
        """Keep a shelf; those that nobody has asked for longest make room."""
        self._shelves[seat] = shelf
        self._shelves.move_to_end(seat)
        self.count(seat)

    def count(self, seat: Seat) -> None:
        """Count a shelf anew that has got more prices."""
        shelf = self._shelves.get(seat)
        if shelf is None:
            return
        size_bytes = shelf.size_bytes
        self._bytes += size_bytes - self._counted.get(seat, 0)
        self._counted[seat] = size_bytes
        # The one that was asked for is the last, and stays whatever it holds.
        while self._bytes > self._max_bytes and len(self._shelves) > 1:
            oldest, _ = self._shelves.popitem(last=False)
            self._bytes -= self._counted.pop(oldest)
