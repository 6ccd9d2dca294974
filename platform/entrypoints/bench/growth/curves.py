"""Which curves there are: what grows, in which steps, and what is measured at each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.timing import Size


@dataclass(frozen=True, slots=True)
class Step:
    """One point: the market, the clients, and the sales before the first round."""

    size: Size
    clients: int = 8
    sold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One curve. `usually_to` bounds its points where nobody names a bound."""

    name: str
    title: str
    axis: str
    points: tuple[int, ...]
    usually_to: int
    workloads: tuple[str, ...]
    step: Callable[[Size, int], Step]
    changes_price: bool = False
    """A price is changed at the root, and shops below are watched (`root_change.py`)."""

    def bounded(self, most: int | None, *, full: bool) -> tuple[int, ...]:
        """Give the points up to a bound, of which there are at least two."""
        bound = most if most is not None else (self.points[-1] if full else self.usually_to)
        return self.points[: max(2, sum(at <= bound for at in self.points))]


GROWTHS: Final = (
    Growth(
        name="tenants",
        title="More shops",
        axis="shops, in a tree of three levels",
        points=(10, 100, 1_000, 10_000),
        usually_to=10_000,
        workloads=("catalogue", "product", "sale"),
        step=lambda size, at: Step(replace(size, shops=at)),
    ),
    Growth(
        name="keys",
        title="More keys",
        axis="keys in the pools",
        points=(10_000, 100_000, 1_000_000, 10_000_000),
        usually_to=1_000_000,
        workloads=("catalogue", "sale"),
        step=lambda size, at: Step(replace(size, keys_per_sku=max(1, at // size.skus))),
    ),
    Growth(
        name="depth",
        title="A deeper tree",
        axis="levels of the tree, from the root to the shop that sells",
        points=(1, 2, 3, 4, 5),
        usually_to=5,
        workloads=("catalogue", "sale"),
        step=lambda size, at: Step(replace(size, shops=1, depth=at)),
    ),
    Growth(
        name="suppliers",
        title="Fewer suppliers, until one sells everything",
        axis="percent of the goods that each supplier sells",
        points=(1, 10, 50, 100),
        usually_to=100,
        workloads=("sale",),
        step=lambda size, at: Step(replace(size, suppliers=100 // at)),
    ),
    Growth(
        name="buyers",
        title="More buyers at once",
        axis="buyers, each asking again as soon as it is answered",
        points=(1, 2, 8, 32, 100, 200),
        usually_to=200,
        workloads=("sale",),
        step=lambda size, at: Step(size, clients=at),
    ),
    Growth(
        name="hot",
        title="One SKU that sells and sells",
        axis="keys of the SKU sold before",
        points=(0, 10_000, 50_000, 500_000),
        usually_to=50_000,
        workloads=("hot",),
        step=lambda size, at: Step(size, sold=at),
    ),
    Growth(
        name="history",
        title="More sales behind us",
        axis="orders sold before",
        points=(0, 100_000, 500_000, 2_000_000),
        usually_to=500_000,
        workloads=("sale",),
        step=lambda size, at: Step(size, sold=at),
    ),
    Growth(
        name="root_change",
        title="A price that changes at the root",
        axis="shops below the root",
        points=(10, 100, 1_000, 10_000),
        usually_to=10_000,
        workloads=("catalogue_cached",),
        step=lambda size, at: Step(replace(size, shops=at)),
        changes_price=True,
    ),
)


def chosen_growths(names: Sequence[str]) -> tuple[Growth, ...]:
    """Give the named curves, or all; `BenchFailed` for an unknown name."""
    known = {growth.name: growth for growth in GROWTHS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BenchFailed(f"There is no curve {unknown[0]}. There are: {', '.join(known)}.")
    return tuple(known[name] for name in names) or GROWTHS
