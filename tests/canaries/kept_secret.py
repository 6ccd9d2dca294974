"""What a viewer of a market may not be told, and the search for it in whatever was told.

A shop knows its own cost, its direct children's, and what it wrote itself. Everything else that
makes a price is secret: all other costs, what each level adds and earns, what a supplier asks.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final
from uuid import UUID

import asyncpg

from canaries.canary_markets import QUANTITIES, CanaryMarket, Viewer
from offers.price_desk.evaluation import ground_of
from offers.price_desk.goods import Touched, read_portion
from tenants import directory, price_books
from tenants.pricing import Priced

LEAST_MINOR: Final = 10**7
"""What is less is met by chance: in ids, times and counts."""
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\d[\d,]*(?:\.\d+)?(?![0-9A-Za-z])")


@dataclass
class Secrets:
    """Amounts in minor units by the tenant whose they are, read by the product's own arithmetic
    and from the database as its owner."""

    costs: dict[UUID, set[int]] = field(default_factory=dict)
    units: dict[UUID, dict[tuple[UUID, int], int]] = field(default_factory=dict)
    """What a piece of an offer costs a shop in a line of so many."""
    asked: dict[UUID, set[int]] = field(default_factory=dict)
    """Prices that buyers of a shop may be shown."""
    written: dict[UUID, set[int]] = field(default_factory=dict)
    """What stands in a tenant's rules and terms."""
    shares: dict[UUID | None, set[int]] = field(default_factory=dict)

    @classmethod
    async def of(cls, owner: asyncpg.Connection, market: CanaryMarket) -> "Secrets":
        """Read what everybody has to hide now."""
        directory.forget()
        price_books.forget()
        found = cls()
        for shop in market.shops:
            await found._read_prices(shop.id)
        for row in await owner.fetch(
            """select tenant_id, value as minor from price_rules
               where kind = 'FIXED_OVER_COST' or (kind, audience) = ('ABSOLUTE', 'WHOLESALE')
               union all select id, min_margin_minor from tenants"""
        ):
            found.written.setdefault(row["tenant_id"], set()).add(row["minor"])
        for row in await owner.fetch("select party_id, amount_minor from line_shares"):
            found.shares.setdefault(row["party_id"], set()).add(row["amount_minor"])
        return found

    async def _read_prices(self, tenant_id: UUID) -> None:
        shop = await directory.shop_by_id(tenant_id)
        assert shop is not None
        costs = self.costs.setdefault(tenant_id, set())
        units, asked = self.units.setdefault(tenant_id, {}), self.asked.setdefault(tenant_id, set())
        portion = await read_portion(shop, Touched.all())
        ground = None if portion is None else await ground_of(shop, portion)
        for sku in () if portion is None else portion.skus:
            for offer in sku.offers:
                assert ground is not None
                for quantity in QUANTITIES:
                    cost_minor = ground.own_cost_minor(sku, offer, quantity=quantity)
                    if cost_minor is not None:
                        units[offer["listing_id"], quantity] = cost_minor
                        costs |= {cost_minor * pieces for pieces in QUANTITIES}
                    priced = ground.retail(sku, offer, quantity=quantity)
                    if isinstance(priced, Priced):
                        asked |= {priced.retail_minor * pieces for pieces in QUANTITIES}

    def kept_from(self, market: CanaryMarket, viewer: Viewer) -> "Kept":
        """Say what a viewer may not be told."""
        known = set(self.asked[viewer.shop.id])
        if viewer.is_of_shop:
            known |= self._known_to(market, viewer)
        if "SUPPLIER" in viewer.roles and viewer.person is not None:
            # Its own price, and what it leaves to the platform of it.
            known |= self.costs[market.shops[0].id] | self.shares.get(None, set())
            known |= self.shares.get(viewer.person.id, set())
        costs = set().union(*self.costs.values())
        parts = set().union(*self.written.values(), *self.shares.values(), self._added(market))
        return Kept(
            frozenset(one for one in (costs | parts) - known if one >= LEAST_MINOR),
            frozenset(one for one in costs - known if one >= LEAST_MINOR),
        )

    def _known_to(self, market: CanaryMarket, viewer: Viewer) -> set[int]:
        """A shop's own cost, its children's, what is between, what it wrote and what it earned."""
        mine, own = viewer.shop.id, set[int]()
        for child in market.children(viewer.shop):
            own |= self.costs[child.id] | self._between(mine, child.id)
        own |= self.costs[mine] | self.written.get(mine, set()) | self.shares.get(mine, set())
        if len(viewer.shop.path) == 1:  # what suppliers ask and get, the platform pays
            suppliers = {one.supplier_id for goods in market.market.goods for one in goods}
            for party_id in (None, *suppliers):
                own |= self.shares.get(party_id, set())
        return own

    def _added(self, market: CanaryMarket) -> set[int]:
        """What each parent earns on each piece of a child's."""
        return set().union(
            *(
                self._between(parent.id, child.id)
                for parent in market.shops
                for child in market.children(parent)
            )
        )

    def _between(self, parent_id: UUID, child_id: UUID) -> set[int]:
        above, below = self.units[parent_id], self.units[child_id]
        return {
            abs(below[line] - above[line]) * pieces
            for line in below.keys() & above.keys()
            for pieces in QUANTITIES
        }


@dataclass(frozen=True)
class Kept:
    """Amounts that a viewer may not read, and costs that he may not even work out."""

    amounts: frozenset[int]
    costs: frozenset[int]

    def betrayed_by(self, texts: Iterable[str]) -> set[int]:
        """Everything secret that stands in texts, or is a sum or difference of what stands there.

        Lines are looked through one by one for sums: nobody has all that everybody was told.
        """
        found = set[int]()
        for text in texts:
            told = numbers_in(text)
            found |= told & self.amounts
            large = [one for one in told if one >= LEAST_MINOR]
            for one, other in combinations(large, 2):
                found |= {abs(one - other), one + other} & self.costs
        return found


def numbers_in(text: str) -> set[int]:
    """Every number of a text in minor units, however it is written: 1234, 12.34 or 1,234.00."""
    found = set()
    for match in _NUMBER.findall(text):
        whole, _, part = match.replace(",", "").partition(".")
        found |= {int(whole), int(whole + (part + "00")[:2])}
    return found
