"""What the platform has to offer, as it was last read, and how much of it is known to be left.

Pages of all shops show the same goods: words, supply prices, suppliers' limits. So a process keeps
the goods that it has shown, at the platform's version of the catalogue (`catalogue_versions`), and
a page's statement needs to find out no more than which goods stand on it. Each offer has a number,
under which everything else that is known of it stands in arrays: its stock here, its price in one
shop or another in `own_shelf.py`.

All of it rests on announcements (`supply/stock_news.py`) for stock, so there is an assortment only
while the process hears them.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol
from uuid import UUID

from kernel import db
from kernel.clock import monotonic_seconds
from kernel.settings import settings
from offers.counting import COUNTS
from offers.goods import KnownOffer, KnownProduct, KnownSku
from offers.known_stock import Count, KnownStock
from offers.own_shelf import OwnShelf, OwnShelves, OwnTerms
from offers.statements import GOODS, OWN_TERMS, Row
from supply.holding import hints
from supply.stock_news import ANNOUNCED_BELOW_SPARE, EVERYTHING
from tenants.directory import Shop
from tenants.path_terms import STRANGER, BuyerClass, path_terms

MAX_OFFERS: Final = 8_000
"""About 2.7 kB each. When there are more, all are forgotten and read again as they are shown."""
MAX_SHELF_BYTES: Final = 16 * 1024 * 1024


class Hearing(Protocol):
    """Whether announcements are heard, and for how long they have been."""

    @property
    def listening_seconds(self) -> float:
        """0 while they are not."""
        ...


class Assortment:
    """The goods of the platform at one version of its catalogue, and what shops make of them."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.products: dict[UUID, KnownProduct] = {}
        self.stock = KnownStock()
        self._numbers: dict[UUID, int] = {}
        self.shelves = OwnShelves(MAX_SHELF_BYTES)

    @property
    def offers(self) -> int:
        """How many offers have a number."""
        return len(self._numbers)

    def hear_stock(self, listing_id: UUID) -> None:
        """The stock of a listing is not what it was."""
        number = self._numbers.get(listing_id)
        if number is not None:
            self.stock.forget(number, now_seconds=monotonic_seconds())

    async def read(self, shop: Shop, product_ids: Sequence[UUID]) -> bool:
        """Read those of these products that are not known yet; False when the catalogue has
        changed since our version."""
        missing = [one for one in product_ids if one not in self.products]
        if not missing:
            return True
        rows = await db.read(db.core_scope(shop.id, path=shop.path), GOODS, missing)
        if len({row["id"] for row in rows}) != len(missing) or rows[0]["version"] != self.version:
            return False
        for product_id, of_product in groupby(rows, key=itemgetter("id")):
            self.products[product_id] = self._product(list(of_product))
        return True

    def _product(self, rows: Sequence[Row]) -> KnownProduct:
        offered = [row for row in rows if row["sku_id"] is not None]
        by_sku = groupby(offered, key=itemgetter("sku_id"))
        return KnownProduct(rows[0], tuple(self._sku(list(of_sku)) for _, of_sku in by_sku))

    def _sku(self, rows: Sequence[Row]) -> KnownSku:
        return KnownSku(rows[0]["sku_id"], rows[0], tuple(self._offer(row) for row in rows))

    def _offer(self, row: Row) -> KnownOffer:
        listing_id = row["listing_id"]
        number = self._numbers.get(listing_id)
        if number is None:
            number = self._numbers[listing_id] = self.stock.add()
        return KnownOffer(listing_id, number, row)

    async def shelf_of(
        self, shop: Shop, versions: Sequence[int], buyer: BuyerClass = STRANGER
    ) -> OwnShelf | None:
        """The shelf of a shop for a class of buyers at exactly these versions of its path; None
        when something has changed since.

        No statement when it is known; else one, unless strangers have seen the shop, and others
        for rules that are not known.
        """
        known = self.shelves.get((shop.id, buyer), versions)
        if known is not None:
            return known
        seen = self.shelves.get((shop.id, STRANGER), versions)
        own = await self._own_terms(shop) if seen is None else seen.own
        terms = await path_terms(shop, versions, buyer)
        if terms is None or own.versions != tuple(versions):
            return None
        shelf = OwnShelf(own, terms, shop_slug=shop.slug, currency=shop.currency)
        self.shelves.put((shop.id, buyer), shelf)
        return shelf

    async def _own_terms(self, shop: Shop) -> OwnTerms:
        scope = db.core_scope(shop.id, path=shop.path)
        [row] = await db.read(scope, OWN_TERMS, list(shop.path), shop.id)
        return OwnTerms(row)

    async def count(self, shop: Shop, offers: Sequence[KnownOffer]) -> dict[int, Count]:
        """Count the stock of these offers, by their numbers, and keep what may be kept.

        They have their numbers, so whatever is announced from here on is heard.
        """
        began_at_seconds = monotonic_seconds()
        rows = await db.read(
            db.core_scope(shop.id, path=shop.path),
            COUNTS,
            [offer.id for offer in offers],
            [offer.row["min_remaining_days"] for offer in offers],
            [hints.position(offer.id) for offer in offers],
            settings().low_stock_bound + ANNOUNCED_BELOW_SPARE,
        )
        counts = {}
        for offer, row in zip(offers, rows, strict=True):
            count = counts[offer.number] = Count.of(row, began_at_seconds=began_at_seconds)
            self.stock.keep(offer.number, count, began_at_seconds=began_at_seconds)
        return counts


class _Assortments:
    """The assortment of this process, while it hears."""

    def __init__(self) -> None:
        self._hearing: Hearing | None = None
        self._current: Assortment | None = None

    def rest_on(self, hearing: Hearing) -> None:
        """Say by whose ear the process hears."""
        self._hearing = hearing
        self._current = None

    def hear_stock(self, listing: str) -> None:
        """Note an announcement of channel `stock`."""
        if listing == EVERYTHING:
            self.forget()
        elif self._current is not None:
            self._current.hear_stock(UUID(listing))

    def forget(self) -> None:
        """Begin anew. Who is counting meanwhile counts into what nobody looks at any more."""
        self._current = None

    @property
    def hears(self) -> bool:
        """True while what is announced reaches us."""
        return self._hearing is not None and self._hearing.listening_seconds > 0

    def at(self, version: int) -> Assortment:
        """Give the assortment at the platform's version, an empty one if it is new."""
        current = self._current
        if current is None or current.version != version or current.offers > MAX_OFFERS:
            current = self._current = Assortment(version)
        return current


assortments = _Assortments()
