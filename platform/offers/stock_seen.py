"""Whose stock an answer shows, and until when it stays what it is unless somebody says otherwise:
collected while the answer is made, for whoever wants to keep it."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from uuid import UUID


@dataclass(slots=True)
class StockSeen:
    """The supplier listings whose stock was read, and for how many seconds none of it moves by
    itself: no hold runs out, and no key comes too near its end."""

    listing_ids: set[UUID] = field(default_factory=set)
    still_seconds: float = inf


stock_seen: ContextVar[StockSeen | None] = ContextVar("stock_seen", default=None)
"""Put one here to learn what stock is read from now on."""


def note_stock(listing_ids: Iterable[UUID], *, still_seconds: float = inf) -> None:
    """Remember that the stock of these listings has been read."""
    seen = stock_seen.get()
    if seen is not None:
        seen.listing_ids.update(listing_ids)
        seen.still_seconds = min(seen.still_seconds, still_seconds)
