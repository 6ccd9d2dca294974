"""Telling every process that the stock of a listing is not what its pages show.

A commit that announces waits for every other one that does, the log's write to the disk included.
So a change announces for itself only where many come at once but seldom: keys that come back,
arrive, or are withdrawn. Sales, of which there may be hundreds a second, are told of together, a
moment after they have committed.
"""

import asyncio
from collections.abc import Iterable
from contextvars import Context
from typing import Final
from uuid import UUID

from kernel import db
from kernel.log import get_logger
from kernel.settings import settings

log = get_logger(__name__)

EVERYTHING: Final = "*"
"""Instead of a listing: something may have been sold of which nobody was told."""
ANNOUNCED_BELOW_SPARE: Final = 50
"""Pages count no further than `low_stock_bound`. A sale that leaves so many more than that behind
changes no page, however many sales end at the same moment, and is not announced."""
TOGETHER_SECONDS: Final = 0.05
"""Sales that come so soon after an announcement wait for the next one."""
TRY_AGAIN_SECONDS: Final = 1.0
"""After an announcement that failed; what it had to say is said with the next."""

_ANNOUNCE: Final = """
select pg_notify('stock', listing_id::text) from unnest($1::uuid[]) as listing (listing_id)
"""


def is_scarce(left: int) -> bool:
    """True when so few keys would be left of a listing that a page may show another number."""
    return left < settings().low_stock_bound + ANNOUNCED_BELOW_SPARE


async def announce_stock(listing_ids: Iterable[UUID]) -> None:
    """End the pages that show the stock of these listings, when we commit.

    Call it in the transaction that changes how many keys can be held: always where keys come back,
    arrive, are withdrawn or expire, and where somebody had to wait for them. If it is forgotten,
    pages are right again after a minute.
    """
    unique = sorted(set(listing_ids))
    if unique:
        await db.execute(_ANNOUNCE, unique)


class SoldNews:
    """What this process has sold and not yet announced.

    The first sale is told of at once, and those that follow at most once in `TOGETHER_SECONDS`.
    What a process that dies had still to tell, pages find out when another takes its place, which
    announces `EVERYTHING`.
    """

    def __init__(self) -> None:
        self._untold: set[UUID] = set()
        self._telling: asyncio.Task[None] | None = None

    def tell(self, listing_ids: Iterable[UUID]) -> None:
        """Announce these listings soon; call it after the sale's commit."""
        self._untold.update(listing_ids)
        if self._untold and not self._is_telling():
            # Nothing of the request that has sold goes with it.
            self._telling = asyncio.create_task(self._tell(), context=Context())

    async def all_told(self) -> None:
        """Wait until all that was sold so far is announced."""
        if self._telling is not None and self._is_telling():
            await self._telling

    def _is_telling(self) -> bool:
        task = self._telling
        return (
            task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()
        )

    async def _tell(self) -> None:
        while self._untold:
            listing_ids, self._untold = sorted(self._untold), set()
            pause_seconds = TOGETHER_SECONDS
            try:
                await db.read(db.core_scope(), _ANNOUNCE, listing_ids)
            except Exception as error:
                log.warning("stock_not_announced", error_class=type(error).__name__)
                self._untold.update(listing_ids)
                pause_seconds = TRY_AGAIN_SECONDS
            await asyncio.sleep(pause_seconds)


sold_news = SoldNews()
