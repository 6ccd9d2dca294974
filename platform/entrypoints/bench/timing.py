"""How long is measured, and how much there is to measure."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Timing:
    """One round is a warm-up that does not count and a window that does, in whole seconds."""

    warm_up_seconds: int = 2
    window_seconds: int = 5
    rounds: int = 3

    @classmethod
    def quick(cls) -> Self:
        """This function will give one short round: it shows that all works, and measures little."""
        return cls(warm_up_seconds=1, window_seconds=1, rounds=1)

    @property
    def run_seconds(self) -> int:
        """The seconds of one run."""
        return self.warm_up_seconds + self.window_seconds


@dataclass(frozen=True, slots=True)
class Size:
    """How much stands in the database when the first round begins."""

    shops: int
    skus: int
    keys_per_sku: int

    @classmethod
    def of(cls, scale: float) -> Self:
        """This function will give the usual size times `scale`: 16 shops below 4 agents, 200 SKUs.

        There is always a whole page of goods and a shop below every agent.
        """
        return cls(
            shops=max(2, round(16 * scale)),
            skus=max(48, round(200 * scale)),
            keys_per_sku=100,
        )
