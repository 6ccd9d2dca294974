"""What happened in a long run, stretch by stretch, and whether it was sound. Pure."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from entrypoints.bench.drift import drift_per_minute

MIB: Final = 1024 * 1024
MEMORY_GROWTH_ALLOWED: Final = 0.05
"""Of the second half of a run: the first fills caches and pools."""
JUDGED_FROM_SECONDS: Final = 240.0
"""A shorter run is still filling caches in its second half, and its memory is not judged."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened in some seconds, and the API's memory at their end, in bytes."""

    at_seconds: float
    operations: int
    errors: int
    p95_ms: float
    rss_bytes: int
    pss_bytes: int


@dataclass(slots=True)
class Story:
    """The run so far."""

    clients: int
    seconds: int
    every_seconds: float
    stretches: list[Stretch] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    errors_of_client: int = 0
    verified: bool = False

    @property
    def errors(self) -> int:
        """Those that were told, and those of the last stretch, which is not told."""
        return max(self.errors_of_client, sum(one.errors for one in self.stretches))

    @property
    def operations(self) -> int:
        """All that ended in a stretch that was told."""
        return sum(one.operations for one in self.stretches)

    @property
    def memory_growth(self) -> float:
        """How much larger the API is at the end of the second half than at its beginning (0.05 is
        five in a hundred), along the straight line that fits best."""
        later = self._later
        if len(later) < 2:
            return 0.0
        minutes = (later[-1].at_seconds - later[0].at_seconds) / 60
        level = sum(one.pss_bytes for one in later) / len(later) / MIB
        grown = self._drift("pss_bytes") / MIB * minutes
        return grown / (level - grown / 2)

    @property
    def is_steady(self) -> bool:
        """False when memory grows for as long as the run lasts."""
        told_seconds = self.stretches[-1].at_seconds if self.stretches else 0.0
        return told_seconds < JUDGED_FROM_SECONDS or self.memory_growth <= MEMORY_GROWTH_ALLOWED

    @property
    def is_sound(self) -> bool:
        """True when nothing failed, the books balance, and memory is flat."""
        fine = not self.errors and not self.breaches and self.is_steady
        return bool(self.verified and self.stretches and fine)

    def summary(self) -> Iterator[str]:
        """Tell how it went, in sentences."""
        if not self.stretches:
            return
        memory, p95 = self._drift("pss_bytes") / MIB, self._drift("p95_ms")
        yield (
            f"{self.operations:,} operations, {self.errors} errors. In the second half memory "
            f"(PSS) moved by {memory:+.2f} MiB a minute and p95 by {p95:+.2f} ms a minute."
        )
        if not self.is_steady:
            yield f"Memory grows: {self.memory_growth:+.0%} in the second half."
        yield from self.breaches
        if self.verified and not self.breaches:
            yield "All invariants hold."

    def as_json(self) -> dict[str, Any]:
        """Give the run as plain data."""
        return {
            "clients": self.clients,
            "seconds": self.seconds,
            "operations": self.operations,
            "errors": self.errors,
            "verified": self.verified,
            "breaches": self.breaches,
            "memory_growth": round(self.memory_growth, 4),
            "stretches": [asdict(one) for one in self.stretches],
        }

    @property
    def _later(self) -> list[Stretch]:
        return self.stretches[len(self.stretches) // 2 :]

    def _drift(self, name: str) -> float:
        times = [one.at_seconds for one in self._later]
        return drift_per_minute(times, [getattr(one, name) for one in self._later])
