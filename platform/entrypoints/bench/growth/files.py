"""The files of the curves, and the page that shows them: written here, never by hand.

The page's prose is written by people; the figures stand between two marks and follow from the
JSON files beside it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from entrypoints.bench.growth.curve import Curve
from entrypoints.bench.growth.curves import GROWTHS
from entrypoints.bench.growth.page import growth_figures, mixed_figures, workload_figures
from entrypoints.bench.growth.svg import draw

PAGE: Final = "README.md"
WORKLOADS_FILE: Final = "workloads.json"
MIXED_FILE: Final = "mixed.json"
_MARKS: Final = ("<!-- {}: begin -->\n", "<!-- {}: end -->")


def write_curve(curve: Curve, folder: Path) -> None:
    """Write a curve's JSON; the folder is made when there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    text = orjson.dumps(curve.as_json(), option=orjson.OPT_INDENT_2)
    (folder / f"growth-{curve.name}.json").write_bytes(text + b"\n")


def read_curves(folder: Path) -> list[Curve]:
    """Read the curves of a folder, in their usual order."""
    files = [folder / f"growth-{growth.name}.json" for growth in GROWTHS]
    return [Curve.from_json(orjson.loads(one.read_bytes())) for one in files if one.exists()]


def draw_all(folder: Path) -> None:
    """Draw every curve of a folder and write the figures into its page."""
    curves = read_curves(folder)
    for curve in curves:
        (folder / f"growth-{curve.name}.svg").write_text(draw(curve), encoding="utf-8")
    page = folder / PAGE
    if page.exists():
        text = page.read_text(encoding="utf-8")
        figures = page_with(
            text,
            workloads=_read(folder / WORKLOADS_FILE),
            mixed=_read(folder / MIXED_FILE),
            curves=curves,
        )
        page.write_text(figures, encoding="utf-8")


def page_with(
    text: str,
    *,
    workloads: dict[str, Any] | None = None,
    mixed: dict[str, Any] | None = None,
    curves: Sequence[Curve] = (),
) -> str:
    """Replace what stands between the marks of a page; what was not measured
    stays as it is."""
    if workloads is not None:
        text = _between(text, "workloads", workload_figures(workloads))
    if mixed is not None:
        text = _between(text, "mixed", mixed_figures(mixed))
    return _between(text, "growth", growth_figures(curves)) if curves else text


def _read(file: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = orjson.loads(file.read_bytes()) if file.exists() else None
    return found


def _between(text: str, name: str, figures: str) -> str:
    begin, end = (mark.format(name) for mark in _MARKS)
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    return f"{before}{begin}\n{figures}\n{end}{after}" if found else text
