"""How many pieces are left of offers, as far as that is known without counting again.

What has been counted stays true until somebody announces the listing, until a hold runs out or a
key comes near its end, which the count has foreseen, and for no longer than `KNOWN_SECONDS`, should
an announcement have been forgotten.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, Final, NamedTuple, Self

KNOWN_SECONDS: Final = 10.0


class Count(NamedTuple):
    """So many pieces; all moments in monotonic seconds."""

    pieces: int
    still_until_seconds: float
    """Until then nothing moves by itself."""
    ends_at_seconds: float
    """Until then it is believed."""

    @classmethod
    def of(cls, row: Mapping[str, Any], *, began_at_seconds: float) -> Self:
        """Read a row of a count that was begun at a moment."""
        still_seconds = inf if row["still_seconds"] is None else row["still_seconds"]
        lasts_seconds = min(KNOWN_SECONDS, still_seconds)
        return cls(row["stock"], began_at_seconds + still_seconds, began_at_seconds + lasts_seconds)


class KnownStock:
    """Counts by the number of an offer."""

    def __init__(self) -> None:
        self._counts: list[Count | None] = []
        self._announced_at_seconds: dict[int, float] = {}

    def add(self) -> int:
        """Make room for an offer's count and return its number."""
        self._counts.append(None)
        return len(self._counts) - 1

    def get(self, number: int, *, now_seconds: float) -> Count | None:
        """Give what is known of an offer now."""
        count = self._counts[number]
        return count if count is not None and count.ends_at_seconds > now_seconds else None

    def keep(self, number: int, count: Count, *, began_at_seconds: float) -> None:
        """Note a count, unless it may be older than what was announced since it was begun."""
        if self._announced_at_seconds.get(number, -1.0) < began_at_seconds:
            self._counts[number] = count

    def forget(self, number: int, *, now_seconds: float) -> None:
        """An offer was announced: what was counted before is not known any more."""
        self._counts[number] = None
        self._announced_at_seconds[number] = now_seconds
