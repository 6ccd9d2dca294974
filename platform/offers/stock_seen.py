"""Whose stock an answer shows: collected while it is made, for whoever wants to keep it."""

from collections.abc import Iterable
from contextvars import ContextVar
from uuid import UUID

listings_seen: ContextVar[set[UUID] | None] = ContextVar("listings_seen", default=None)
"""Put a set here to learn the supplier listings whose stock was read from now on."""


def note_stock(listing_ids: Iterable[UUID]) -> None:
    """Remember that the stock of these listings has been read."""
    seen = listings_seen.get()
    if seen is not None:
        seen.update(listing_ids)
