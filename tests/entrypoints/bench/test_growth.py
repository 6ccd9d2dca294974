"""Growth curves: their points, their slopes, their pictures, and the page that shows them."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.growth import svg
from entrypoints.bench.growth.curve import Curve, Line, Point
from entrypoints.bench.growth.curves import GROWTHS, chosen_growths
from entrypoints.bench.growth.files import draw_all, page_with, read_curves, write_curve
from entrypoints.bench.timing import Size

DOCS = Path(__file__).parents[3] / "docs" / "performance"
CONDITIONS = {
    "processors": 2,
    "memory_gib": 24.0,
    "python": "3.11.2",
    "postgres": "15.4",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "window_seconds": 5,
}
WHITE, DARK = (255, 255, 255), (13, 17, 23)


def point(
    at: int, ops_per_s: float, *, db_cpu_ms: float | None = None, stale_ms: float | None = None
) -> Point:
    return Point(
        at=at,
        ops_per_s=ops_per_s,
        p50_ms=1.0,
        p95_ms=2.5,
        api_cpu_ms=0.5,
        db_cpu_ms=db_cpu_ms,
        statements=1.0,
        wal_bytes=4_000,
        errors=0,
        stale_ms=stale_ms,
    )


def curve(*lines: Line, name: str = "keys", title: str = "More keys") -> Curve:
    return Curve(name, title, "keys in the pools", CONDITIONS, lines)


TWO_LINES = curve(
    Line("catalogue", (point(10_000, 1_000), point(1_000_000, 900))),
    Line("sale", (point(10_000, 400), point(100_000, 500), point(1_000_000, 380))),
)


def test_the_slope_is_the_last_rate_divided_by_the_first() -> None:
    catalogue, sale = TWO_LINES.lines

    assert (catalogue.slope, catalogue.of_peak) == (0.9, 0.9)
    assert (sale.slope, sale.of_peak) == (0.95, 0.76)
    assert Line("sale", (point(1, 5),)).slope is None
    assert Line("sale", (point(1, 0), point(2, 5))).slope is None
    assert Line("sale", ()).of_peak is None


def test_what_an_operation_costs_is_compared_where_the_database_s_time_is_known() -> None:
    grown = Line("sale", (point(1, 5, db_cpu_ms=0.5), point(2, 5, db_cpu_ms=1.0)))

    assert grown.cost_growth == 1.5
    assert "processor time an operation × 1.50" in page_with(PAGE, curves=[curve(grown)])
    assert Line("sale", (point(1, 5), point(2, 5, db_cpu_ms=1.0))).cost_growth is None
    assert Line("sale", (point(1, 5, db_cpu_ms=1.0),)).cost_growth is None
    assert Line("sale", ()).cost_growth is None


def test_a_curve_of_changes_tells_until_when_answers_were_old() -> None:
    changed = Line("root_change", (point(10, 300, stale_ms=0.0), point(100, 290, stale_ms=42.4)))
    page = page_with(PAGE, curves=[curve(changed)])

    assert "| WAL B | stale ms |" in page
    assert "| `root_change` | 100 | 290 | 2.5 | 0.50 | – | 1.0 | 4,000 | 42 |" in page
    assert "stale" not in page_with(PAGE, curves=[TWO_LINES])


def test_a_curve_survives_its_file_and_the_file_tells_the_slope(tmp_path: Path) -> None:
    write_curve(TWO_LINES, tmp_path)
    written = orjson.loads((tmp_path / "growth-keys.json").read_bytes())

    assert read_curves(tmp_path) == [TWO_LINES]
    assert [line["slope"] for line in written["lines"]] == [0.9, 0.95]


def test_the_points_of_a_curve_are_bounded_and_at_least_two() -> None:
    (keys,) = chosen_growths(["keys"])

    assert keys.bounded(None, full=False)[-1] == 1_000_000
    assert keys.bounded(None, full=True)[-1] == 10_000_000
    assert keys.bounded(100_000, full=True) == (10_000, 100_000)
    assert keys.bounded(10_000, full=False) == (10_000, 100_000)
    assert keys.bounded(1, full=False) == (10_000, 100_000)


def test_every_curve_goes_where_the_targets_say_and_grows_one_thing_only() -> None:
    ends = {growth.name: (growth.points[0], growth.points[-1]) for growth in GROWTHS}
    assert ends == {
        "tenants": (10, 10_000),
        "keys": (10_000, 10_000_000),
        "depth": (1, 5),
        "suppliers": (1, 100),
        "buyers": (1, 200),
        "hot": (0, 500_000),
        "history": (0, 2_000_000),
        "root_change": (10, 10_000),
    }
    steps = {growth.name: growth.step(Size(), growth.points[-1]) for growth in GROWTHS}
    assert steps["tenants"].size.shops == 10_000
    assert steps["keys"].size.keys_per_sku * Size().skus == 10_000_000
    assert steps["suppliers"].size.suppliers == 1
    assert steps["root_change"].size.shops == 10_000
    assert (steps["depth"].size.depth, steps["buyers"].clients) == (5, 200)
    assert (steps["hot"].sold, steps["history"].sold) == (500_000, 2_000_000)


def test_an_unknown_curve_is_refused_by_its_name() -> None:
    with pytest.raises(BenchFailed, match=r"no curve weight.*tenants, keys, depth"):
        chosen_growths(["weight"])


def texts(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return [str(one.text) for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_same_curve_is_the_same_file() -> None:
    again = Curve.from_json(orjson.loads(orjson.dumps(TWO_LINES.as_json())))

    assert svg.draw(TWO_LINES) == svg.draw(again)


def test_a_picture_names_its_axes_its_units_its_lines_and_their_slopes() -> None:
    told = texts(svg.draw(TWO_LINES))

    assert {"More keys", "keys in the pools", "operations per second"} <= set(told)
    assert {"catalogue", "last ÷ first 0.90", "sale", "last ÷ first 0.95"} <= set(told)
    assert {"10 k", "100 k", "1 M", "0", "1 k"} <= set(told)


def places(picture: str, line: int) -> list[tuple[float, float]]:
    points = re.findall(r'<polyline points="([^"]+)"', picture)[line].split()
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points)]


def test_wide_ranges_are_logarithmic_and_narrow_ones_even() -> None:
    wide = places(svg.draw(TWO_LINES), 1)
    assert wide[1][0] - wide[0][0] == pytest.approx(wide[2][0] - wide[1][0], abs=0.2)

    narrow = curve(Line("sale", (point(1, 9), point(2, 9), point(5, 9))))
    even = places(svg.draw(narrow), 0)
    assert even[2][0] - even[1][0] == pytest.approx(3 * (even[1][0] - even[0][0]), abs=0.5)

    from_zero = curve(Line("hot", (point(0, 9), point(500_000, 9))))
    assert places(svg.draw(from_zero), 0)[0][0] < places(svg.draw(from_zero), 0)[1][0]


def test_more_is_higher_and_everything_stays_on_the_paper() -> None:
    (_, first), (_, best), (_, last) = places(svg.draw(TWO_LINES), 1)
    assert best < first < last

    for x, y in places(svg.draw(TWO_LINES), 0) + places(svg.draw(TWO_LINES), 1):
        assert svg.LEFT <= x <= svg.WIDTH - svg.RIGHT
        assert svg.TOP <= y <= svg.HEIGHT - svg.BOTTOM


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    same = curve(*(Line(name, (point(1, 100), point(2, 50))) for name in ("a", "b", "c")))
    root = ElementTree.fromstring(svg.draw(same))
    found = root.iter("{http://www.w3.org/2000/svg}text")
    heights = sorted(float(one.attrib["y"]) for one in found if one.text in ("a", "b", "c"))

    assert min(b - a for a, b in zip(heights, heights[1:], strict=False)) >= 30


def test_a_curve_without_a_rate_is_still_a_picture() -> None:
    assert "More keys" in texts(svg.draw(curve(Line("sale", (point(1, 0),)))))
    assert "More keys" in texts(svg.draw(curve(Line("sale", ()))))


def test_what_a_name_says_cannot_break_the_picture() -> None:
    assert "<&>\"'" in texts(svg.draw(curve(Line("sale", (point(1, 2),)), title="<&>\"'")))


def luminance(colour: tuple[int, ...]) -> float:
    shares = [part / 255 for part in colour]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [svg.TEXT, *svg.COLOURS])
@pytest.mark.parametrize("background", [WHITE, DARK])
def test_every_colour_can_be_read_on_white_and_on_dark(
    colour: str, background: tuple[int, ...]
) -> None:
    parts = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    lighter, darker = sorted((luminance(parts), luminance(background)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 3.4


PAGE = """# Page

Words.

<!-- workloads: begin -->
old
<!-- workloads: end -->

<!-- growth: begin -->
old
<!-- growth: end -->

More words.
"""


def report() -> dict[str, Any]:
    row = {
        "workload": "sale",
        "clients": 8,
        "ops_per_s": 512.3,
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "api_cpu_ms": 1.25,
        "db_cpu_ms": None,
        "statements": 4.0,
        "round_trips": 7.0,
        "wal_bytes": 4_400.0,
        "limit_ops_per_s": 3_600.0,
        "ratio": 0.142,
        "client_cpu_share": 0.2,
    }
    size = {"shops": 100, "skus": 2_000, "keys_per_sku": 500, "depth": 3}
    timing = {"rounds": 3, "window_seconds": 5}
    return {"conditions": CONDITIONS, "size": size, "timing": timing, "rows": [row]}


def test_figures_are_written_between_their_marks_and_nowhere_else() -> None:
    page = page_with(PAGE, workloads=report(), curves=[TWO_LINES])

    assert page.startswith("# Page\n\nWords.\n") and page.endswith("\nMore words.\n")
    assert "old" not in page
    assert "| `sale` | 8 | 512 |" in page
    assert "1,000,000 keys" in page
    assert "![More keys](growth-keys.svg)" in page
    assert "**sale**: last ÷ first 0.95, last ÷ best 0.76" in page
    assert page_with(page, workloads=report(), curves=[TWO_LINES]) == page


def test_a_page_without_marks_and_a_folder_without_figures_stay_as_they_are(
    tmp_path: Path,
) -> None:
    assert page_with("# Page\n", workloads=report(), curves=[TWO_LINES]) == "# Page\n"
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    draw_all(tmp_path)

    assert (tmp_path / "README.md").read_text(encoding="utf-8") == PAGE


def test_the_pictures_and_the_page_in_the_repository_are_those_of_their_figures(
    tmp_path: Path,
) -> None:
    for file in DOCS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    draw_all(tmp_path)

    kept = {file.name: file.read_bytes() for file in DOCS.iterdir()}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept
