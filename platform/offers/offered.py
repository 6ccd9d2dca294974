"""One seller's offer of a SKU, and what stands behind it."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from offers.comparing import NO_SALES, Figures
from offers.foreign_supply import Exchanged


@dataclass(frozen=True, slots=True)
class Sourcing:
    """What an offer costs every level, and whose keys it sells. Never shown to a buyer.

    No discount may bring a piece below `net_floor_minor`.
    """

    supplier_listing_id: UUID
    supplier_id: UUID
    supplier_commission_bp: int
    costs: tuple[int, ...]
    net_floor_minor: int | None = None
    exchanged: Exchanged | None = None
    """What a piece costs in the supplier's own currency, where that is another one."""


class Offer(NamedTuple):
    """One seller's offer of a SKU: what a piece costs the buyer, and how many there are."""

    id: UUID
    unit_price_minor: int
    stock: int
    warranty_hours: int
    figures: Figures = NO_SALES
    """Read for pages that show them, and no sales for everybody else."""
    by_hand: bool = False
    """A person delivers."""
