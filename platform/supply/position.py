"""Where a key stands in its pool: earliest expiry first, then first in, first out. Pure.

One bigint orders the pool, so that the partial index on it is the only way to read it: the day of
expiry in the high bits, a sequence number in the low 40. `supply/pool.py` gives a freed key a new
sequence number and keeps its day.
"""

from typing import Final

SEQUENCE_BITS: Final = 40
#: Days since 1970 that a key without an expiry counts as: after every real one (9999 is 2,932,896).
NEVER_EXPIRES_DAY: Final = (1 << 63 - SEQUENCE_BITS) - 1


def pool_position(*, expires_on_days: int | None, sequence: int) -> int:
    """Give a key's position from the day it expires and a sequence number.

    `expires_on_days` counts whole days since 1970 (UTC), None for a key that does not expire;
    `sequence` is the next value of `key_positions`. Raises `ValueError` outside their bounds.
    """
    days = NEVER_EXPIRES_DAY if expires_on_days is None else expires_on_days
    if not 0 <= days <= NEVER_EXPIRES_DAY:
        raise ValueError(f"a day of expiry is within 0 and {NEVER_EXPIRES_DAY}: {days}")
    if not 0 <= sequence < 1 << SEQUENCE_BITS:
        raise ValueError(f"a sequence number has at most {SEQUENCE_BITS} bits: {sequence}")
    return days << SEQUENCE_BITS | sequence
