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
        """Give one short round: it shows that all works, and measures little."""
        return cls(warm_up_seconds=1, window_seconds=1, rounds=1)

    @property
    def run_seconds(self) -> int:
        """The seconds of one run."""
        return self.warm_up_seconds + self.window_seconds


@dataclass(frozen=True, slots=True)
class Size:
    """How much stands in the database when the first round begins.

    `shops` are those that sell; agents and the root come on top. `depth` counts the levels of the
    tree, root and shops included. Each of the `suppliers` has as many of the SKUs. `sold_before`
    is what the SKU of the hot workloads has sold, `sockets` how many watch one order,
    `import_keys` how long an imported file is.
    """

    shops: int = 100
    skus: int = 200
    keys_per_sku: int = 100
    depth: int = 3
    suppliers: int = 5
    sold_before: int = 20_000
    sockets: int = 500
    import_keys: int = 20_000

    @classmethod
    def of(cls, scale: float) -> Self:
        """Give the usual size times `scale`: made in well under a minute.

        There is always a whole page of goods and a shop below every agent.
        """
        usual = cls()
        return cls(
            shops=max(2, round(usual.shops * scale)),
            skus=max(48, round(usual.skus * scale)),
            sold_before=max(100, round(usual.sold_before * scale)),
            sockets=max(5, round(usual.sockets * scale)),
            import_keys=max(500, round(usual.import_keys * scale)),
        )

    @classmethod
    def full(cls) -> Self:
        """Give the size that the targets are set for: a million keys."""
        return cls(
            skus=2_000, keys_per_sku=500, sold_before=500_000, sockets=5_000, import_keys=100_000
        )
