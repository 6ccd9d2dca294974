"""What one sweep of the worker is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One kind of later work, and how often it is looked for.

    A sweep that takes at most a `batch` at once goes on without a pause after a whole one, so that
    what an outage has piled up is gone soon. The others do all there is.
    """

    work: Callable[[], Awaitable[int]]
    every_seconds: float
    batch: int | None = None
