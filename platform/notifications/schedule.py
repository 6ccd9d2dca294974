"""When a message is sent again, and when an endpoint is left alone for a while. Pure."""

from typing import Final

RETRY_AFTER_SECONDS: Final = (
    5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 72_000, 86_400,
)  # fmt: skip
"""Seconds to the next try after the n-th that failed: three days in all, then no more."""
JITTER: Final = 0.2
"""So that many messages which failed together do not come back together."""

PAUSED_AFTER_FAILURES: Final = 5
PAUSE_SECONDS: Final = (30, 60, 120, 300, 600, 1_800, 3_600)
"""How long an endpoint is left alone after so many failures in a row, and after each one more."""
DISABLED_AFTER_SECONDS: Final = 5 * 24 * 3600
"""An endpoint that has taken nothing for so long is told nothing until its owner says so."""


def retry_after_seconds(*, tries: int, chance: float) -> float | None:
    """Seconds until a message is sent again that was sent `tries` times; None: no more.

    `chance` is a number from 0 to 1 for the jitter: from four fifths to six fifths of the plan.
    """
    if tries > len(RETRY_AFTER_SECONDS):
        return None
    return RETRY_AFTER_SECONDS[tries - 1] * (1 - JITTER + 2 * JITTER * chance)


def pause_seconds(failures_in_row: int) -> float:
    """How long to leave an endpoint alone after so many failures in a row; 0: not at all."""
    if failures_in_row < PAUSED_AFTER_FAILURES:
        return 0.0
    place = min(failures_in_row - PAUSED_AFTER_FAILURES, len(PAUSE_SECONDS) - 1)
    return float(PAUSE_SECONDS[place])
