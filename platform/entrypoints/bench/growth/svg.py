"""A curve as a picture: SVG of our own, the same file for the same curve. Pure.

The background is the page's own. The colours were chosen to be read on white and on black alike;
their contrast is tested.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final
from xml.sax.saxutils import escape

from entrypoints.bench.growth.curve import Curve, Line

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 56, 56
TEXT: Final = "#7a7f87"
GRID: Final = "#8b9097"
COLOURS: Final = ("#2f7fdc", "#d2691e", "#2e9d57", "#b0559e")
TICKS: Final = 5
LOGARITHMIC_FROM: Final = 20
"""How many times the smallest size the largest must be for a logarithmic axis."""
LABEL_HEIGHT: Final = 34
ROUND_NUMBERS: Final = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From a value to a place on the paper."""

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Give the place of a value; the middle where there is one value."""
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = log10(low), log10(high), log10(value)
        share = (at - low) / (high - low) if high > low else 0.5
        return self.begin + share * (self.end - self.begin)


def draw(curve: Curve) -> str:
    """Draw a curve with its axes, units and slopes."""
    sizes = sorted({point.at for line in curve.lines for point in line.points})
    rates = [point.ops_per_s for line in curve.lines for point in line.points]
    top = _round_up(max(rates, default=1.0) or 1.0)
    across = _across(sizes)
    up = _Scale(0, top, HEIGHT - BOTTOM, TOP)
    parts = [
        *_frame(curve),
        *_rows(up, top),
        *_columns(across, sizes),
        *_axis_names(curve),
        *_lines(curve.lines, across, up),
    ]
    return "\n".join(parts) + "\n</svg>\n"


def _across(sizes: Sequence[int]) -> _Scale:
    """Sizes from 0 on, which a logarithm cannot show, lie at even distances."""
    low, high = (sizes[0], sizes[-1]) if sizes else (0, 1)
    logarithmic = low > 0 and high >= low * LOGARITHMIC_FROM
    return _Scale(low, high, LEFT + 14, WIDTH - RIGHT - 14, logarithmic)


def _frame(curve: Curve) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{_attribute(curve.title)}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{TEXT}">'
    )
    yield f"<title>{escape(curve.title)}</title>"
    yield _text(LEFT, 24, curve.title, size=16, weight="bold")


def _rows(up: _Scale, top: float) -> Iterator[str]:
    for number in range(TICKS + 1):
        value = top * number / TICKS
        y = up.place(value)
        yield _stroke(LEFT, y, WIDTH - RIGHT, y, GRID, 0.9 if number == 0 else 0.35)
        yield _text(LEFT - 8, y + 4, _short(value), anchor="end")


def _columns(across: _Scale, sizes: Sequence[int]) -> Iterator[str]:
    for size in sizes:
        x = across.place(size)
        yield _stroke(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5, GRID, 0.9)
        yield _text(x, HEIGHT - BOTTOM + 20, _short(size), anchor="middle")


def _axis_names(curve: Curve) -> Iterator[str]:
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield _text(middle, HEIGHT - 12, curve.axis, anchor="middle")
    yield _text(LEFT, TOP - 12, "operations per second", anchor="start")


def _lines(lines: Sequence[Line], across: _Scale, up: _Scale) -> Iterator[str]:
    drawn = [line for line in lines if line.points]
    ends = [up.place(line.points[-1].ops_per_s) for line in drawn]
    labels = _apart(ends)
    for number, (line, label_y) in enumerate(zip(drawn, labels, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        places = [(across.place(p.at), up.place(p.ops_per_s)) for p in line.points]
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        for x, y in places:
            yield f'<circle cx="{_number(x)}" cy="{_number(y)}" r="4" fill="{colour}"/>'
        x = WIDTH - RIGHT + 8
        yield _text(x, label_y, line.workload, colour=colour, weight="bold")
        slope = "" if line.slope is None else f"last ÷ first {line.slope:.2f}"
        yield _text(x, label_y + 15, slope, colour=colour)


def _apart(ends: Sequence[float]) -> list[float]:
    """Places for the labels near the lines' ends, each clear of the one above."""
    places = [0.0] * len(ends)
    free_from = float(TOP)
    for number in sorted(range(len(ends)), key=lambda one: ends[one]):
        places[number] = max(ends[number], free_from)
        free_from = places[number] + LABEL_HEIGHT
    return places


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "normal",
    colour: str = TEXT,
) -> str:
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
    )


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, opacity: float) -> str:
    return (
        f'<line x1="{_number(x1)}" y1="{_number(y1)}" x2="{_number(x2)}" y2="{_number(y2)}" '
        f'stroke="{colour}" stroke-opacity="{opacity}"/>'
    )


def _round_up(value: float) -> float:
    """The next number of two digits and zeros whose fifths are round, for the ticks."""
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in ROUND_NUMBERS if step * unit >= value)


def _short(value: float) -> str:
    for unit, letter in ((1_000_000, " M"), (1_000, " k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def _number(value: float) -> str:
    return f"{ceil(value * 10 - 0.5) / 10:g}"


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
