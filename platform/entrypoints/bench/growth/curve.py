"""A curve: points, what they were measured with, and how steep it is. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Point:
    """One size, and what each workload did at it."""

    at: int
    ops_per_s: float
    p50_ms: float
    p95_ms: float
    api_cpu_ms: float
    db_cpu_ms: float | None
    statements: float
    wal_bytes: float
    errors: int
    stale_ms: float | None = None
    """How long after a change an answer was still the old one, at the longest: the moment at which
    it was asked for counts. None where nothing is changed."""

    @property
    def cpu_ms(self) -> float | None:
        """The processor's time for an operation, API and database together; None when the
        database runs on another machine."""
        return None if self.db_cpu_ms is None else self.api_cpu_ms + self.db_cpu_ms


@dataclass(frozen=True, slots=True)
class Line:
    """One workload's points, from the smallest size to the largest."""

    workload: str
    points: tuple[Point, ...]

    @property
    def slope(self) -> float | None:
        """Operations per second at the largest size, divided by those at the smallest; None with
        fewer than two points, or when the smallest size did nothing."""
        if len(self.points) < 2 or not self.points[0].ops_per_s:
            return None
        return self.points[-1].ops_per_s / self.points[0].ops_per_s

    @property
    def of_peak(self) -> float | None:
        """Operations per second at the largest size, divided by the best of all; None without."""
        best = max((point.ops_per_s for point in self.points), default=0.0)
        return self.points[-1].ops_per_s / best if best else None

    @property
    def cost_growth(self) -> float | None:
        """The processor's time for an operation at the largest size, divided by that at the
        smallest, which does not suffer from neighbours as rates do; None when it is not known."""
        first, last = (self.points[place].cpu_ms if self.points else None for place in (0, -1))
        return last / first if len(self.points) > 1 and first and last else None


@dataclass(frozen=True, slots=True)
class Curve:
    """What grows, from where to where, and a line for each workload."""

    name: str
    title: str
    axis: str
    conditions: dict[str, Any]
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """Give what `from_json` takes, with the slopes for whoever reads it."""
        given = asdict(self)
        for line, told in zip(self.lines, given["lines"], strict=True):
            told["slope"] = _rounded(line.slope)
            told["cost_growth"] = _rounded(line.cost_growth)
        return given

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        lines = tuple(
            Line(one["workload"], tuple(Point(**point) for point in one["points"]))
            for one in given["lines"]
        )
        words = {name: given[name] for name in ("name", "title", "axis", "conditions")}
        return cls(**words, lines=lines)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)
