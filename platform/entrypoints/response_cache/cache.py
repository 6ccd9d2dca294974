"""When an answer may be given again, exactly.

An answer about the public catalogue depends on the shop's catalogue, whose version is part of its
key, on the words of the request, and on stock. Two announcements end what is kept: one of channel
`catalogue` makes the directory read the shop anew, with another version; one of channel `stock`
names a listing whose answers are dropped. Because some of what moves stock is not announced (a
hold runs out, a key comes near its end), no answer is older than five seconds.

While the process cannot hear, nothing is kept and nothing that was kept is given. Valkey stands
behind: another process's answer saves making one, and is held to the same conditions.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import orjson

from entrypoints.response_cache.memory import Entries, Entry
from kernel import valkey
from kernel.clock import monotonic_seconds
from kernel.flights import Flights
from offers.stock_seen import listings_seen
from tenants.directory import Shop, catalogue_version

STOCK_SECONDS: Final = 5.0
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
        self._entries = Entries(max_bytes)
        self._hearing = hearing
        self._flights: Flights[CacheKey, Entry | None] = Flights()
        self._announced: OrderedDict[UUID, float] = OrderedDict()
        self._deaf_at_seconds = 0.0

    async def answer(self, key: CacheKey, shop: Shop, compute: Compute) -> Entry | None:
        """This function will give the answer to a question, computed or kept.

        Many who ask at once share one computation. `key.version` must be the shop's. None when
        `compute` gave none: then everybody computes for himself.
        """
        if not self._hearing.listening_seconds:
            body = await compute()
            return None if body is None else Entry(body, frozenset(), 0.0)
        entry = self._entries.get(key, now_seconds=monotonic_seconds())
        if entry is not None:
            return entry
        return await self._flights.join(key, lambda: self._make(key, shop, compute))

    def kept(self, key: CacheKey) -> Entry | None:
        """This function will find an answer without making one."""
        if not self._hearing.listening_seconds:
            return None
        return self._entries.get(key, now_seconds=monotonic_seconds())

    def hear_stock(self, listing: str) -> None:
        """This function will end the answers that show a listing: one of channel `stock`."""
        listing_id = UUID(listing)
        now_seconds = monotonic_seconds()
        self._announced[listing_id] = now_seconds
        self._announced.move_to_end(listing_id)
        oldest_seconds = now_seconds - STOCK_SECONDS - DELIVERY_SECONDS
        while next(iter(self._announced.values())) < oldest_seconds:
            self._announced.popitem(last=False)
        self._entries.drop_listing(listing_id)

    def forget(self) -> None:
        """This function will end everything: announcements may have been missed."""
        self._deaf_at_seconds = monotonic_seconds()
        self._entries.clear()

    async def _make(self, key: CacheKey, shop: Shop, compute: Compute) -> Entry | None:
        shared = await self._shared(key)
        if shared is not None:
            return shared
        began_at_seconds = monotonic_seconds()
        seen: set[UUID] = set()
        token = listings_seen.set(seen)
        try:
            body = await compute()
        finally:
            listings_seen.reset(token)
        if body is None:
            return None
        entry = Entry(body, frozenset(seen), began_at_seconds + STOCK_SECONDS)
        if len(body) <= MAX_ANSWER_BYTES and await self._still_true(key, shop):
            await self._keep(key, entry, began_at_seconds)
        return entry

    async def _still_true(self, key: CacheKey, shop: Shop) -> bool:
        """What was read since the shop was, was read at its version: versions only grow."""
        return await catalogue_version(shop) == key.version

    async def _keep(self, key: CacheKey, entry: Entry, began_at_seconds: float) -> None:
        if self._missed_something(entry, since_seconds=began_at_seconds):
            return
        self._entries.put(key, entry)
        remaining_seconds = entry.ends_at_seconds - monotonic_seconds()
        if remaining_seconds > 0:
            head = orjson.dumps([listing_id.hex for listing_id in entry.listing_ids])
            value = head + b"\n" + entry.body
            await valkey.keep(key.text, value, milliseconds=int(remaining_seconds * 1000) + 1)

    async def _shared(self, key: CacheKey) -> Entry | None:
        """Another process's answer. It may have been made as long ago as an answer may be kept:
        what was announced in all that time may not be in it."""
        longest_seconds = STOCK_SECONDS + DELIVERY_SECONDS
        if self._hearing.listening_seconds < longest_seconds:
            return None
        found = await valkey.recall(key.text)
        if found is None:
            return None
        value, milliseconds = found
        head, _, body = value.partition(b"\n")
        listing_ids = frozenset(UUID(hex=text) for text in orjson.loads(head))
        now_seconds = monotonic_seconds()
        entry = Entry(body, listing_ids, now_seconds + milliseconds / 1000)
        if self._missed_something(entry, since_seconds=now_seconds - longest_seconds):
            return None
        self._entries.put(key, entry)
        return entry

    def _missed_something(self, entry: Entry, *, since_seconds: float) -> bool:
        """True when the entry may be older than what has been announced, or was not heard."""
        if not self._hearing.listening_seconds or self._deaf_at_seconds >= since_seconds:
            return True
        announced = (self._announced.get(listing_id, -1.0) for listing_id in entry.listing_ids)
        return any(at_seconds >= since_seconds for at_seconds in announced)
