"""What was known of tokens a moment ago: spares a reader's next request the question."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from kernel.clock import monotonic_seconds

SECONDS: Final = 1.0
TOKENS: Final = 10_000

T = TypeVar("T")


class TokenMemory(Generic[T]):
    """Callers by the hash of their tokens, for a second, and so many at most.

    Another process may end a token meanwhile; what this one ends it forgets at once.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[float, T]] = OrderedDict()
        self._endings = 0

    def recall(self, token_hash: bytes) -> T | None:
        """Give the caller of a token, if it was asked for a moment ago."""
        known = self._known.get(token_hash)
        if known is None or monotonic_seconds() - known[0] >= SECONDS:
            return None
        return known[1]

    def now(self) -> tuple[float, int]:
        """Give the moment at which a question is put, for `note`."""
        return monotonic_seconds(), self._endings

    def note(self, token_hash: bytes, caller: T, *, asked_at: tuple[float, int]) -> None:
        """Remember an answer, unless tokens have ended since the question."""
        if asked_at[1] != self._endings:
            return
        self._known[token_hash] = (asked_at[0], caller)
        self._known.move_to_end(token_hash)
        if len(self._known) > TOKENS:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory: a token has ended in this process."""
        self._endings += 1
        self._known.clear()
