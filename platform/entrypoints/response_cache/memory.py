"""What one process keeps: the answers that were asked for last, within so many bytes."""

import hashlib
from base64 import urlsafe_b64encode
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_OVERHEAD_BYTES: Final = 700
"""Of an entry beside its body: the key, the tag, and where the two stand."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer, whose stock it shows, and until when it may be shown (monotonic seconds)."""

    body: bytes
    listing_ids: frozenset[UUID]
    ends_at_seconds: float
    etag: str = field(init=False)
    """Strong: two answers with this tag are the same bytes."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.body).digest()[:18]
        object.__setattr__(self, "etag", f'"{urlsafe_b64encode(digest).decode()}"')

    @property
    def size_bytes(self) -> int:
        """What keeping it costs, about."""
        return len(self.body) + _OVERHEAD_BYTES + 100 * len(self.listing_ids)


class Entries:
    """Entries by their key; the ones that nobody has asked for longest make room."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._keys_by_listing: defaultdict[UUID, set[Hashable]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """The sum of what is kept."""
        return self._bytes

    def get(self, key: Hashable, *, now_seconds: float) -> Entry | None:
        """This function will find an entry that may still be shown."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.ends_at_seconds <= now_seconds:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Hashable, entry: Entry) -> None:
        """This function will keep an entry unless it alone is more than may be kept."""
        self.drop(key)
        if entry.size_bytes > self._max_bytes:
            return
        self._entries[key] = entry
        self._bytes += entry.size_bytes
        for listing_id in entry.listing_ids:
            self._keys_by_listing[listing_id].add(key)
        while self._bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: Hashable) -> None:
        """This function will forget an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._bytes -= entry.size_bytes
        for listing_id in entry.listing_ids:
            keys = self._keys_by_listing[listing_id]
            keys.discard(key)
            if not keys:
                del self._keys_by_listing[listing_id]

    def drop_listing(self, listing_id: UUID) -> None:
        """This function will forget every entry that shows the stock of a listing."""
        for key in list(self._keys_by_listing.get(listing_id, ())):
            self.drop(key)

    def clear(self) -> None:
        """This function will forget everything."""
        self._entries.clear()
        self._keys_by_listing.clear()
        self._bytes = 0
