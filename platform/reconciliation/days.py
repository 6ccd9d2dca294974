"""A day of the books: from midnight to midnight, UTC, on the platform's clock.

What moves within `GRACE` of the end may stand in one book today and in the other tomorrow.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

GRACE: Final = timedelta(hours=3)
"""How long after its end a day is still looked at, and run by itself not before."""
PAID_WITHIN: Final = timedelta(days=8)
"""An order is paid within so long of being made: its id says when that was."""
SKEW: Final = timedelta(hours=1)
"""By how much the clocks of two machines may differ at most."""


def begin_of(day: date) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), tzinfo=UTC)


def end_of(day: date) -> datetime:
    """The first moment after it."""
    return begin_of(day) + timedelta(days=1)


def first_id(moment: datetime) -> UUID:
    """The least id that can have been made then: ids begin with their milliseconds (RFC 9562)."""
    return UUID(int=(int(moment.timestamp() * 1_000) & ((1 << 48) - 1)) << 80)
