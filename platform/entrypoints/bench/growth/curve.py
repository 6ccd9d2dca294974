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
            told["slope"] = None if line.slope is None else round(line.slope, 3)
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
