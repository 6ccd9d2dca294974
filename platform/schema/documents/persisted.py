"""Automatic persisted queries: texts that clients have sent once, by their hash."""

from collections import OrderedDict

_MAX_CHARS = 2_000_000
"""Of all texts together, in this process: about a thousand documents."""
_MAX_CHARS_OF_ONE = 20_000
"""The gate refuses longer ones anyway."""


class PersistedQueries:
    """A bounded memory, the least recently used thrown out first. Forgetting costs a round trip."""

    def __init__(self, *, max_chars: int = _MAX_CHARS) -> None:
        self._max_chars = max_chars
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._chars = 0

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, digest: str) -> str | None:
        """This function will give a text by its hash, or None."""
        known = self._texts.get(digest)
        if known is not None:
            self._texts.move_to_end(digest)
        return known

    def keep(self, digest: str, text: str) -> None:
        """This function will remember a text whose hash has been checked."""
        if digest in self._texts or len(text) > _MAX_CHARS_OF_ONE:
            return
        self._texts[digest] = text
        self._chars += len(text)
        while self._chars > self._max_chars:
            _, oldest = self._texts.popitem(last=False)
            self._chars -= len(oldest)
