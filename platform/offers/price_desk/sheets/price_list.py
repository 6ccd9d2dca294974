"""A shop's price list: what its columns are, and what one row asks for.

`name`, `cost` and `price` are for the reader and are not read back. A column that is not there
leaves what it would say as it is. A SKU has a plain row, which also says how the shop shows it, and
one for each other rule on it (`rule_cells.py`). A row with a `category` instead, or with `*` there
for the whole catalogue, is about a rule alone. An empty `rule` clears its place, so that a less
specific rule holds; an empty `visible` leaves the SKU as it is; an empty `title` takes the shop's
own title away, and an empty `position` its own place in the list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offers.price_desk.sheets.reading import Record
from offers.price_desk.sheets.rule_cells import (
    PLAIN,
    RULE_COLUMNS,
    ListedGoods,
    ListedPlace,
    ListedRule,
    read_goods,
    read_place,
    read_rule,
    require_wide,
    written_rule,
)
from offers.price_desk.sheets.values import (
    CellProblem,
    UnreadableCell,
    short_text,
    whole_number,
    written_amount,
    yes_or_no,
)
from offers.product_orders import MOST_OWN_PLACE

COLUMNS: Final = (
    "sku", "category", "name", "cost", "price", "visible", "title", "position", *RULE_COLUMNS,
)  # fmt: skip
LONGEST_TITLE: Final = 200
_OF_THE_PLAIN_ROW: Final = ("visible", "title", "position")


@dataclass(frozen=True, slots=True)
class PriceLine:
    """What one row asks for. `sets_title` and `sets_rule` are False where a column is missing."""

    line: int
    goods: ListedGoods
    visible: bool | None = None
    sets_title: bool = False
    title: str = ""
    position: int | None = None
    """None leaves it as it is, 0 takes it away."""
    sets_rule: bool = False
    place: ListedPlace = PLAIN
    rule: ListedRule | None = None


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong where: the line as a spreadsheet numbers it, the column, and a stable code."""

    line: int
    column: str
    code: str


def read_price_list(
    records: Sequence[Record], *, currency: str
) -> tuple[list[PriceLine], list[LineProblem]]:
    """Read every row, and name everything that is wrong with any of them."""
    lines: list[PriceLine] = []
    problems: list[LineProblem] = []
    met: set[tuple[ListedGoods, ListedPlace]] = set()
    unknown = {name for record in records[:1] for name in record.cells} - set(COLUMNS)
    problems += [LineProblem(1, name, CellProblem.UNKNOWN_COLUMN) for name in sorted(unknown)]
    for record in records:
        try:
            line = _line(record, currency)
            if (line.goods, line.place) in met:
                raise UnreadableCell(
                    "sku" if line.goods.sku_code else "category", CellProblem.TWICE
                )
        except UnreadableCell as problem:
            problems.append(LineProblem(record.line, problem.column, problem.code))
            continue
        met.add((line.goods, line.place))
        lines.append(line)
    return lines, problems


def _line(record: Record, currency: str) -> PriceLine:
    cells = record.cells
    goods = read_goods(cells)
    place = read_place(cells)
    sets_rule = "rule" in cells
    rule = read_rule(cells, currency, starts_at=place.starts_at)
    if not goods.sku_code:
        require_wide(place, rule)
    if place != PLAIN or not goods.sku_code:
        _require_rule_alone(cells)
        return PriceLine(record.line, goods, sets_rule=True, place=place, rule=rule)
    return PriceLine(
        line=record.line,
        goods=goods,
        visible=yes_or_no(cells, "visible"),
        sets_title="title" in cells,
        title=short_text(cells, "title", longest=LONGEST_TITLE),
        position=_position(cells) if "position" in cells else None,
        sets_rule=sets_rule,
        rule=rule,
    )


def _position(cells: Mapping[str, str]) -> int:
    position = whole_number(cells, "position") or 0
    if not 0 <= position <= MOST_OWN_PLACE:
        raise UnreadableCell("position", CellProblem.OUT_OF_RANGE)
    return position


def _require_rule_alone(cells: Mapping[str, str]) -> None:
    """A row beside the plain one is about a rule, and says nothing else."""
    if "rule" not in cells:
        raise UnreadableCell("rule", CellProblem.MISSING)
    for column in _OF_THE_PLAIN_ROW:
        if cells.get(column, "").strip():
            raise UnreadableCell(column, CellProblem.NOT_ALLOWED)


@dataclass(frozen=True, slots=True)
class ShownSku:
    """One SKU as an exported list shows it; amounts are minor units, None where there is none."""

    sku_code: str
    name: str
    cost_minor: int | None
    price_minor: int | None
    visible: bool
    title: str
    position: int | None
    rules: Mapping[ListedPlace, ListedRule]
    """By their places, in the order in which they are shown."""


def written_wide_rows(
    category: str, rules: Mapping[ListedPlace, ListedRule], *, currency: str
) -> list[tuple[str, ...]]:
    """Write the rows of a category, or of the whole catalogue (`EVERYTHING`)."""
    goods = ("", category, *[""] * (len(COLUMNS) - len(RULE_COLUMNS) - 2))
    return [
        (*goods, *written_rule(place, rule, currency=currency)) for place, rule in rules.items()
    ]


def written_rows(sku: ShownSku, *, currency: str) -> list[tuple[str, ...]]:
    """Write the rows of one SKU, the plain one first, each in the order of `COLUMNS`."""

    def amount(minor: int | None) -> str:
        return "" if minor is None else written_amount(minor, currency=currency)

    shown = (
        sku.sku_code,
        "",
        sku.name,
        amount(sku.cost_minor),
        amount(sku.price_minor),
        "yes" if sku.visible else "no",
        sku.title,
        "" if sku.position is None else str(sku.position),
    )
    beside = (sku.sku_code, "", sku.name, *[""] * (len(shown) - 3))
    return [
        (*shown, *written_rule(PLAIN, sku.rules.get(PLAIN), currency=currency)),
        *[
            (*beside, *written_rule(place, rule, currency=currency))
            for place, rule in sku.rules.items()
            if place != PLAIN
        ],
    ]
