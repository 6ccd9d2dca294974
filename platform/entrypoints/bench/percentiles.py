"""Percentiles of what was measured. Pure."""

from collections.abc import Sequence


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Give the value that `share` of all do not pass; 0 of none."""
    if not sorted_values:
        return 0.0
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]
