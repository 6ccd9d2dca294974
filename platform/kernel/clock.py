"""The process's clock: for deadlines and durations only.

Time that decides anything (holds, quotes, maturity) is the database's `platform_now()`.
"""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time of day of this machine, for logs and for signatures that others check."""
    return datetime.now(UTC)


def unix_milliseconds() -> int:
    """Milliseconds since 1970, for time-ordered ids."""
    return time.time_ns() // 1_000_000


def monotonic_seconds() -> float:
    """A clock that never steps, for measuring durations."""
    return time.monotonic()
