"""Prices that were computed stay computed until something changes that a price is made of.

A price is made of the rules and limits of a path, of the supplier's listing, the SKU and its
category, and of the shop's affiliate programs. Each of them has an owner whose version grows with
every change (`catalogue_versions`): at the same versions, a shop's price of a listing is the same.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tenants.pricing import Broken, Priced

MAX_PRICES_KEPT: Final = 50_000

Prices = dict[UUID, Priced | Broken]
"""One shop's prices by supplier listing."""

_kept: OrderedDict[UUID, tuple[tuple[int, ...], Prices]] = OrderedDict()


def prices_at(tenant_id: UUID, versions: Sequence[int]) -> Prices:
    """The prices that are known of this shop at these versions of its path; add to them."""
    known = _kept.get(tenant_id)
    if known is None or known[0] != tuple(versions):
        known = _kept[tenant_id] = (tuple(versions), {})
        _make_room()
    _kept.move_to_end(tenant_id)
    return known[1]


def _make_room() -> None:
    """Let go of the shops that nobody has asked for longest; counted when a shop is added."""
    count = sum(len(prices) for _, prices in _kept.values())
    while count > MAX_PRICES_KEPT:
        _, (_, prices) = _kept.popitem(last=False)
        count -= len(prices)


def forget() -> None:
    """Empty the memory (tests)."""
    _kept.clear()
