"""The sandbox's own clock: a provider never shares the clock of its merchants."""

import time


def now_seconds() -> float:
    """Give the provider's time as seconds since the epoch, UTC."""
    return time.time()
