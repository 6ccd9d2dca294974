"""Does something grow? Pure."""

from collections.abc import Sequence


def drift_per_minute(seconds: Sequence[float], values: Sequence[float]) -> float:
    """Give the slope of the straight line that fits best (least squares), in
    values a minute; 0 of fewer than two points."""
    count = len(seconds)
    if count < 2:
        return 0.0
    middle, level = sum(seconds) / count, sum(values) / count
    spread = sum((at - middle) ** 2 for at in seconds)
    if not spread:
        return 0.0
    pairs = zip(seconds, values, strict=True)
    return 60 * sum((at - middle) * (value - level) for at, value in pairs) / spread
