"""A shop's price list: what its columns are, and what one row asks for.

`name`, `cost` and `price` are for the reader and are not read back. A column that is not there
leaves what it would say as it is; an empty `rule` takes the SKU's own rule away, so that the rule
of its category or of the whole shop holds; an empty `visible` leaves the SKU as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offers.price_desk.sheets.reading import Record
from offers.price_desk.sheets.values import (
    CellProblem,
    UnreadableCell,
    amount_minor,
    one_of,
    percent_bp,
    short_text,
    written_amount,
    written_percent,
    yes_or_no,
)
from tenants.pricing import Rounding, RuleKind

COLUMNS: Final = (
    "sku", "name", "cost", "price", "visible", "title", "rule", "value", "rounding", "unit",
)  # fmt: skip
LONGEST_TITLE: Final = 200
LONGEST_CODE: Final = 100
MAX_RULE_VALUE: Final = 1_000_000_000_000
UNITS_MINOR: Final = (1, 10, 100, 1000)
_IN_PERCENT: Final = frozenset({RuleKind.PERCENT_OVER_COST, RuleKind("PERCENT_OF_FACE")})


@dataclass(frozen=True, slots=True)
class ListedRule:
    """The rule of one SKU as a row says it, in basis points or minor units."""

    kind: RuleKind
    value: int
    rounding: Rounding = Rounding.HALF_UP
    unit_minor: int = 1


@dataclass(frozen=True, slots=True)
class PriceLine:
    """What one row asks for. `sets_title` and `sets_rule` are False where a column is missing."""

    line: int
    sku_code: str
    visible: bool | None = None
    sets_title: bool = False
    title: str = ""
    sets_rule: bool = False
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
    met: set[str] = set()
    unknown = {name for record in records[:1] for name in record.cells} - set(COLUMNS)
    problems += [LineProblem(1, name, CellProblem.UNKNOWN_COLUMN) for name in sorted(unknown)]
    for record in records:
        try:
            line = _line(record, currency)
            if line.sku_code in met:
                raise UnreadableCell("sku", CellProblem.TWICE)
        except UnreadableCell as problem:
            problems.append(LineProblem(record.line, problem.column, problem.code))
            continue
        met.add(line.sku_code)
        lines.append(line)
    return lines, problems


def _line(record: Record, currency: str) -> PriceLine:
    cells = record.cells
    code = short_text(cells, "sku", longest=LONGEST_CODE)
    if not code:
        raise UnreadableCell("sku", CellProblem.MISSING)
    return PriceLine(
        line=record.line,
        sku_code=code,
        visible=yes_or_no(cells, "visible"),
        sets_title="title" in cells,
        title=short_text(cells, "title", longest=LONGEST_TITLE),
        sets_rule="rule" in cells,
        rule=_rule(cells, currency),
    )


def _rule(cells: Mapping[str, str], currency: str) -> ListedRule | None:
    kind = one_of(cells, "rule", RuleKind)
    if kind is None:
        return None
    rounding = one_of(cells, "rounding", Rounding) or Rounding.HALF_UP
    unit_minor = 1
    if cells.get("unit", "").strip():
        unit_minor = amount_minor(cells, "unit", currency=currency)
    if unit_minor not in UNITS_MINOR:
        raise UnreadableCell("unit", CellProblem.OUT_OF_RANGE)
    return ListedRule(kind, _value(cells, kind, currency), rounding, unit_minor)


def _value(cells: Mapping[str, str], kind: RuleKind, currency: str) -> int:
    if kind is RuleKind.PASS_THROUGH:
        return 0
    if kind in _IN_PERCENT:
        value = percent_bp(cells, "value")
    else:
        value = amount_minor(cells, "value", currency=currency)
    if not (kind is RuleKind.ABSOLUTE) <= value <= MAX_RULE_VALUE:
        raise UnreadableCell("value", CellProblem.OUT_OF_RANGE)
    return value


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One SKU as an exported list shows it; amounts are minor units, None where there is none."""

    sku_code: str
    name: str
    cost_minor: int | None
    price_minor: int | None
    visible: bool
    title: str
    rule: ListedRule | None


def written_line(line: ShownLine, *, currency: str) -> tuple[str, ...]:
    """Write a row of an exported list, in the order of `COLUMNS`."""

    def amount(minor: int | None) -> str:
        return "" if minor is None else written_amount(minor, currency=currency)

    rule = line.rule
    return (
        line.sku_code,
        line.name,
        amount(line.cost_minor),
        amount(line.price_minor),
        "yes" if line.visible else "no",
        line.title,
        "" if rule is None else rule.kind,
        "" if rule is None else _written_value(rule, currency),
        "" if rule is None else rule.rounding,
        "" if rule is None else written_amount(rule.unit_minor, currency=currency),
    )


def _written_value(rule: ListedRule, currency: str) -> str:
    if rule.kind is RuleKind.PASS_THROUGH:
        return ""
    if rule.kind in _IN_PERCENT:
        return written_percent(rule.value)
    return written_amount(rule.value, currency=currency)
