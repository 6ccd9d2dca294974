"""What one process keeps: the answers that were asked for last, within so many bytes.

A page is mostly names of fields, so it is kept compressed: four times as many pages find room,
for a fiftieth of what making one costs. An announcement does not look for the answers that it
ends. It leaves a note, and an answer that is asked for reads the notes that are new to it.
"""

import hashlib
import zlib
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final, Self
from uuid import UUID

_OVERHEAD_BYTES: Final = 560
"""Of an entry beside its body: the key, and where the two stand."""
_WORTH_PACKING_BYTES: Final = 512
_QUICKLY: Final = 1
_ID_BYTES: Final = 16


class Entry:
    """One answer, whose stock it shows, and from when until when it may be shown (monotonic
    seconds)."""

    __slots__ = ("_listings", "_packed", "_plain", "ends_at_seconds", "true_at_seconds")

    def __init__(
        self,
        body: bytes,
        *,
        listing_ids: Iterable[UUID] = (),
        true_at_seconds: float = 0.0,
        ends_at_seconds: float = 0.0,
    ) -> None:
        self._plain: bytes | None = body
        self._packed = b""
        self._listings = b"".join(sorted({one.bytes for one in listing_ids}))
        self.ends_at_seconds = ends_at_seconds
        self.true_at_seconds = true_at_seconds
        """Nothing that was announced before this moment is missing in the answer."""

    @property
    def etag(self) -> str:
        """The answer's tag, for those who GET it. Strong: two answers with this tag are the same
        bytes."""
        digest = hashlib.sha256(self.body).digest()[:18]
        return f'"{urlsafe_b64encode(digest).decode()}"'

    @property
    def body(self) -> bytes:
        """The answer."""
        return zlib.decompress(self._packed) if self._plain is None else self._plain

    @property
    def listing_ids(self) -> Iterator[UUID]:
        """The supplier listings whose stock the answer shows."""
        return (UUID(bytes=packed) for packed in self._packed_ids())

    @property
    def size_bytes(self) -> int:
        """What keeping it costs, about."""
        body = self._packed if self._plain is None else self._plain
        return len(body) + len(self._listings) + _OVERHEAD_BYTES

    def pack(self) -> Self:
        """Make the answer smaller, if it is worth it, and return it."""
        if self._plain is not None and len(self._plain) >= _WORTH_PACKING_BYTES:
            self._packed, self._plain = zlib.compress(self._plain, _QUICKLY), None
        return self

    def shows_any(self, announced: Callable[[bytes], bool]) -> bool:
        """Say whether one of the listings, by its bytes, was announced."""
        return any(announced(packed) for packed in self._packed_ids())

    def _packed_ids(self) -> Iterator[bytes]:
        ids = self._listings
        return (ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES))


class StockNotes:
    """Which listings were announced, and when, for as long as an answer may be older than that."""

    def __init__(self) -> None:
        self._moments: OrderedDict[bytes, float] = OrderedDict()
        self.latest_seconds = -1.0

    def __len__(self) -> int:
        return len(self._moments)

    def note(self, listing_id: UUID, *, now_seconds: float, kept_seconds: float) -> None:
        """Note an announcement and let go of those before `kept_seconds`."""
        self._moments[listing_id.bytes] = self.latest_seconds = now_seconds
        self._moments.move_to_end(listing_id.bytes)
        while next(iter(self._moments.values())) < now_seconds - kept_seconds:
            self._moments.popitem(last=False)

    def ended(self, entry: Entry, *, since_seconds: float) -> bool:
        """Say whether stock that an answer shows was announced since then."""
        if self.latest_seconds < since_seconds:
            return False
        moments = self._moments
        return entry.shows_any(lambda listing: moments.get(listing, -1.0) >= since_seconds)


class Entries:
    """Entries by their key; the ones that nobody has asked for longest make room."""

    def __init__(self, max_bytes: int, notes: StockNotes | None = None) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._notes = notes if notes is not None else StockNotes()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """The sum of what is kept."""
        return self._bytes

    def get(self, key: Hashable, *, now_seconds: float) -> Entry | None:
        """Find an entry that may still be shown."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        ended = entry.ends_at_seconds <= now_seconds
        if ended or self._notes.ended(entry, since_seconds=entry.true_at_seconds):
            self.drop(key)
            return None
        # What was announced until now does not concern it. A note of this very moment may come
        # later, and is read again then.
        entry.true_at_seconds = now_seconds
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Hashable, entry: Entry) -> None:
        """Keep an entry unless it alone is more than may be kept."""
        self.drop(key)
        entry.pack()
        if entry.size_bytes > self._max_bytes:
            return
        self._entries[key] = entry
        self._bytes += entry.size_bytes
        while self._bytes > self._max_bytes:
            self.drop(next(iter(self._entries)))

    def drop(self, key: Hashable) -> None:
        """Forget an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0
