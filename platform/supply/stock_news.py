"""Telling every process that the stock of a listing is not what its pages show."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from kernel import db
from kernel.settings import settings

ANNOUNCED_BELOW_SPARE: Final = 50
"""Pages count no further than `low_stock_bound`. A sale that leaves so many more than that behind
changes no page, however many sales end at the same moment, and is not announced: a commit that
announces waits for every other one that does."""

_ANNOUNCE: Final = """
select pg_notify('stock', listing_id::text) from unnest($1::uuid[]) as listing (listing_id)
"""

ANNOUNCE: Final = """
news as materialized (
    select pg_notify('stock', listing_id::text)
    from ready, unnest(:scarce_listings::uuid[]) as scarce (listing_id)
)
"""
"""The part of a sale's statement that announces; it must be counted to be done."""


def is_scarce(left: int) -> bool:
    """True when so few keys would be left of a listing that a page may show another number."""
    return left < settings().low_stock_bound + ANNOUNCED_BELOW_SPARE


async def announce_stock(listing_ids: Iterable[UUID]) -> None:
    """This function will end the pages that show the stock of these listings, when we commit.

    Call it in the transaction that changes how many keys can be held: always where keys come back,
    arrive, are withdrawn or expire; where keys are held or sold, only when fewer than
    `low_stock_bound` + `ANNOUNCED_BELOW_SPARE` are left. If it is forgotten, pages are right again
    after a minute.
    """
    unique = sorted(set(listing_ids))
    if unique:
        await db.execute(_ANNOUNCE, unique)
