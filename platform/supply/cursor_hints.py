"""Where the next free key of a listing was last seen, so that the search begins there.

Sold keys leave dead entries at the head of the pool's index, and while a report is open nobody
may clear them away: a search from the beginning walks over all of them. The hint is a guess of
this process alone. A wrong one costs time and never a key, because the search goes on before it
where it comes out short (`supply/holding.py`).
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel.clock import monotonic_seconds

SECONDS: Final = 1.0
HOLDS: Final = 200
HOLDS_PER_LOOK: Final = 1_000
LISTINGS: Final = 10_000
FROM_THE_HEAD: Final = None
"""Begin where the free keys of the listing begin, as far as the database knows
(`supply/pool_heads.py`)."""


@dataclass(slots=True)
class _Hint:
    position: int
    since_seconds: float
    holds: int = 0
    holds_since_look: int = 0


class CursorHints:
    """The hints of this process, for so many listings at most; the idlest are forgotten.

    A hint is good for one second or 200 holds. Then one hold, and only one, begins at the head
    again: so a key that came back before the hint is passed over no longer than that.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, _Hint] = OrderedDict()

    def start(self, listing_id: UUID) -> int | None:
        """Say at which position the next search of a listing begins."""
        hint = self._known.get(listing_id)
        if hint is None:
            return FROM_THE_HEAD
        now = monotonic_seconds()
        hint.holds += 1
        if hint.holds > HOLDS or now - hint.since_seconds >= SECONDS:
            # The others go on with the old hint until this one has looked.
            hint.since_seconds, hint.holds = now, 0
            return FROM_THE_HEAD
        self._known.move_to_end(listing_id)
        return hint.position

    def position(self, listing_id: UUID) -> int | None:
        """Say where keys were taken last, to whoever counts and takes none."""
        hint = self._known.get(listing_id)
        return FROM_THE_HEAD if hint is None else hint.position

    def learn(self, listing_id: UUID, position: int, *, began: int | None) -> None:
        """Note the last position that a search begun at `began` has taken."""
        hint = self._known.get(listing_id)
        if hint is None:
            self._known[listing_id] = _Hint(position, monotonic_seconds())
            if len(self._known) > LISTINGS:
                self._known.popitem(last=False)
        elif began is FROM_THE_HEAD or position > hint.position:
            hint.position = position

    def is_look_due(self, listing_id: UUID) -> bool:
        """True once in so many holds of a listing: then the head has to be found anew."""
        hint = self._known[listing_id]
        hint.holds_since_look += 1
        if hint.holds_since_look < HOLDS_PER_LOOK:
            return False
        hint.holds_since_look = 0
        return True

    def forget(self) -> None:
        """Empty the memory; the next search of each listing begins anew."""
        self._known.clear()
