"""When an answer may be given again, exactly.

An answer about the public catalogue depends on the shop's catalogue, whose version is part of its
key, on the words of the request, and on stock. Two announcements end what is kept: one of channel
`catalogue` makes the directory read the shop anew, with another version; one of channel `stock`
names a listing whose answers are dropped. What moves stock by itself (a hold runs out, a key comes
near its end) is known beforehand: the page's own statement says for how long its numbers stand
still, and no answer is kept for longer, nor is a number that was counted a minute ago shown.

While the process cannot hear, nothing is kept and nothing that was kept is given. Valkey stands
behind: another process's answer saves making one, and is held to the same conditions.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import orjson

from entrypoints.response_cache.memory import Entries, Entry, StockNotes
from kernel import valkey
from kernel.clock import monotonic_seconds
from kernel.flights import Flights
from offers.known_stock import KNOWN_SECONDS
from offers.stock_seen import StockSeen, stock_seen
from supply.stock_news import EVERYTHING
from tenants.directory import Shop, catalogue_version

STOCK_SECONDS: Final = 60.0 - KNOWN_SECONDS
"""No answer is older, and so no stock in it older than a minute, should an announcement have been
forgotten."""
DELIVERY_SECONDS: Final = 1.0
"""How much later than others a process may hear of a change."""
MAX_ANSWER_BYTES: Final = 512 * 1024

Compute = Callable[[], Awaitable[bytes | None]]
"""Makes an answer; None for one that nobody else may see (an error is one)."""


class Hearing(Protocol):
    """Whether announcements are heard, and for how long they have been."""

    @property
    def listening_seconds(self) -> float:
        """0 while they are not."""
        ...


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What an answer depends on, but for stock.

    `audience` is what the caller's language and roles make of it, `question` stands for the
    document, the operation's name and the variables.
    """

    tenant_id: UUID
    version: int
    audience: str
    question: bytes

    @property
    def text(self) -> str:
        """The key under which other processes find the answer."""
        return f"answer:{self.tenant_id}:{self.version}:{self.audience}:{self.question.hex()}"


class ResponseCache:
    """Answers that were given, and may be given again."""

    def __init__(self, *, max_bytes: int, hearing: Hearing) -> None:
        self._notes = StockNotes()
        self._entries = Entries(max_bytes, self._notes)
        self._hearing = hearing
        self._flights: Flights[CacheKey, Entry | None] = Flights()
        self._deaf_at_seconds = 0.0

    async def answer(self, key: CacheKey, shop: Shop, compute: Compute) -> Entry | None:
        """Give the answer to a question, computed or kept.

        Many who ask at once share one computation. `key.version` must be the shop's. None when
        `compute` gave none: then everybody computes for himself.
        """
        if not self._hearing.listening_seconds:
            body = await compute()
            return None if body is None else Entry(body)
        entry = self._entries.get(key, now_seconds=monotonic_seconds())
        if entry is not None:
            return entry
        return await self._flights.join(key, lambda: self._make(key, shop, compute))

    def kept(self, key: CacheKey) -> Entry | None:
        """Find an answer without making one."""
        if not self._hearing.listening_seconds:
            return None
        return self._entries.get(key, now_seconds=monotonic_seconds())

    def hear_stock(self, listing: str) -> None:
        """End the answers that show a listing: one of channel `stock`."""
        if listing == EVERYTHING:
            self.forget()
            return
        kept_seconds = STOCK_SECONDS + DELIVERY_SECONDS
        self._notes.note(UUID(listing), now_seconds=monotonic_seconds(), kept_seconds=kept_seconds)

    def forget(self) -> None:
        """End everything: announcements may have been missed."""
        self._deaf_at_seconds = monotonic_seconds()
        self._entries.clear()

    async def _make(self, key: CacheKey, shop: Shop, compute: Compute) -> Entry | None:
        shared = await self._shared(key)
        if shared is not None:
            return shared
        began_at_seconds = monotonic_seconds()
        seen = StockSeen()
        token = stock_seen.set(seen)
        try:
            body = await compute()
        finally:
            stock_seen.reset(token)
        if body is None:
            return None
        entry = Entry(
            body,
            listing_ids=seen.listing_ids,
            true_at_seconds=began_at_seconds,
            ends_at_seconds=began_at_seconds + min(STOCK_SECONDS, seen.still_seconds),
        )
        if len(body) <= MAX_ANSWER_BYTES and await self._still_true(key, shop):
            await self._keep(key, entry, body)
        return entry

    async def _still_true(self, key: CacheKey, shop: Shop) -> bool:
        """What was read since the shop was, was read at its version: versions only grow."""
        return await catalogue_version(shop) == key.version

    async def _keep(self, key: CacheKey, entry: Entry, body: bytes) -> None:
        if self._missed_something(entry):
            return
        began_at_seconds = entry.true_at_seconds
        self._entries.put(key, entry)
        lasts_ms = int((entry.ends_at_seconds - began_at_seconds) * 1000)
        remaining_ms = int((entry.ends_at_seconds - monotonic_seconds()) * 1000)
        if remaining_ms > 0:
            head = orjson.dumps([lasts_ms, *(one.hex for one in entry.listing_ids)])
            await valkey.keep(key.text, head + b"\n" + body, milliseconds=remaining_ms)

    async def _shared(self, key: CacheKey) -> Entry | None:
        """Another process's answer, unless what it shows was announced since it was begun."""
        if self._hearing.listening_seconds < DELIVERY_SECONDS:
            return None
        found = await valkey.recall(key.text)
        if found is None:
            return None
        value, remaining_ms = found
        head, _, body = value.partition(b"\n")
        lasts_ms, *listing_ids = orjson.loads(head)
        now_seconds = monotonic_seconds()
        age_seconds = (lasts_ms - remaining_ms) / 1000
        entry = Entry(
            body,
            listing_ids=map(UUID, listing_ids),
            true_at_seconds=now_seconds - age_seconds - DELIVERY_SECONDS,
            ends_at_seconds=now_seconds + remaining_ms / 1000,
        )
        if self._missed_something(entry):
            return None
        self._entries.put(key, entry)
        return entry

    def _missed_something(self, entry: Entry) -> bool:
        """True when the entry may be older than what has been announced, or was not heard."""
        since_seconds = entry.true_at_seconds
        heard_since_seconds = monotonic_seconds() - self._hearing.listening_seconds
        if not self._hearing.listening_seconds or heard_since_seconds > since_seconds:
            return True
        return self._deaf_at_seconds >= since_seconds or self._notes.ended(
            entry, since_seconds=since_seconds
        )
