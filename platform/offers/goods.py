"""Goods as the platform offers them, whatever shop shows them."""

from dataclasses import dataclass
from uuid import UUID

from offers.statements import Row


@dataclass(frozen=True, slots=True)
class KnownOffer:
    """One supplier's listing of a SKU, and its number in this process."""

    id: UUID
    number: int
    row: Row


@dataclass(frozen=True, slots=True)
class KnownSku:
    """One SKU and everybody's offers of it, the cheapest supply first."""

    id: UUID
    row: Row
    offers: tuple[KnownOffer, ...]


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """One product and all its SKUs that somebody offers."""

    row: Row
    skus: tuple[KnownSku, ...]
