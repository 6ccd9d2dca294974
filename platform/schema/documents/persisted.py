"""Automatic persisted queries: texts that clients have sent once, by their hash."""

import sys
from collections import OrderedDict

_MAX_BYTES = 8 * 1024 * 1024
"""Of all texts together, in this process: some thousand documents."""
_ENTRY_BYTES = 250
"""Of the hash and the place in line, which a text of one letter takes, too."""
_MAX_CHARS_OF_ONE = 20_000
"""The gate refuses longer ones anyway."""


class PersistedQueries:
    """A bounded memory, the least recently used thrown out first. Forgetting costs a round trip."""

    def __init__(self, *, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, digest: str) -> str | None:
        """Give a text by its hash, or None."""
        known = self._texts.get(digest)
        if known is not None:
            self._texts.move_to_end(digest)
        return known

    def keep(self, digest: str, text: str) -> None:
        """Remember a text whose hash has been checked."""
        if digest in self._texts or len(text) > _MAX_CHARS_OF_ONE:
            return
        self._texts[digest] = text
        self._bytes += _bytes(text)
        while self._bytes > self._max_bytes:
            _, oldest = self._texts.popitem(last=False)
            self._bytes -= _bytes(oldest)


def _bytes(text: str) -> int:
    return sys.getsizeof(text) + _ENTRY_BYTES
