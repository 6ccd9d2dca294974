"""The rule of one row of a price list: for whom it is, from how many pieces, when, and how much.

A row names a place: what it prices (a SKU, a category or the whole catalogue), for whom, from how
many pieces on, and since when. Its rule takes that place; an empty `rule` clears it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from offers.price_desk.rule_bounds import MAX_MIN_QUANTITY, MAX_RULE_VALUE, UNITS_MINOR
from offers.price_desk.sheets.values import (
    CellProblem,
    UnreadableCell,
    amount_minor,
    moment,
    one_of,
    percent_bp,
    short_text,
    whole_number,
    written_amount,
    written_moment,
    written_percent,
)
from tenants.pricing import Rounding, RuleKind, Scope

RULE_COLUMNS: Final = (
    "for", "whom", "from_quantity", "rule", "value", "rounding", "unit", "starts", "ends",
)  # fmt: skip
LONGEST_NAME: Final = 100
LONGEST_CODE: Final = 100
EVERYTHING: Final = "*"
_IN_PERCENT: Final = frozenset({RuleKind.PERCENT_OVER_COST, RuleKind("PERCENT_OF_FACE")})


class ListedFor(StrEnum):
    """For whom the price of a row is.

    BUYERS    everyone who buys in the shop, as is meant by an empty cell
    CHILDREN  every shop directly below
    GRADE     those of one grade, by its name
    CHILD     one of them, by its slug (密价)
    TIER      the shop's customers of one membership tier, by its name
    CUSTOMER  one of them, by its id (密价)
    """

    BUYERS = "BUYERS"
    CHILDREN = "CHILDREN"
    GRADE = "GRADE"
    CHILD = "CHILD"
    TIER = "TIER"
    CUSTOMER = "CUSTOMER"

    @property
    def is_named(self) -> bool:
        """True where `whom` says which one."""
        return self not in (ListedFor.BUYERS, ListedFor.CHILDREN)


@dataclass(frozen=True, slots=True)
class ListedGoods:
    """What a row prices: a SKU by its code, a category by its slug, or, as `*`, everything."""

    sku_code: str = ""
    category: str = ""

    @property
    def scope(self) -> Scope:
        """How wide that is."""
        if self.sku_code:
            return Scope.SKU
        return Scope.DEFAULT if self.category == EVERYTHING else Scope.CATEGORY


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """The place of a row's rule on its goods. The plain one is for all buyers, of one piece."""

    listed_for: ListedFor = ListedFor.BUYERS
    whom: str = ""
    from_quantity: int = 1
    starts_at: datetime | None = None


PLAIN: Final = ListedPlace()


@dataclass(frozen=True, slots=True)
class ListedRule:
    """What a row asks, in basis points or minor units by its kind, and until when."""

    kind: RuleKind
    value: int
    rounding: Rounding = Rounding.HALF_UP
    unit_minor: int = 1
    ends_at: datetime | None = None


def read_goods(cells: Mapping[str, str]) -> ListedGoods:
    """Read what a row prices; raises `UnreadableCell` unless it names one thing."""
    code = short_text(cells, "sku", longest=LONGEST_CODE)
    category = short_text(cells, "category", longest=LONGEST_CODE)
    if code and category:
        raise UnreadableCell("category", CellProblem.NOT_ALLOWED)
    if not code and not category:
        raise UnreadableCell("sku", CellProblem.MISSING)
    return ListedGoods(code, category)


def require_wide(place: ListedPlace, rule: ListedRule | None) -> None:
    """Raise `UnreadableCell` for what is asked of one SKU only: so many pieces, a fixed price."""
    if place.from_quantity > 1:
        raise UnreadableCell("from_quantity", CellProblem.NOT_ALLOWED)
    if rule is not None and rule.kind is RuleKind.ABSOLUTE:
        raise UnreadableCell("rule", CellProblem.NOT_ALLOWED)


def read_place(cells: Mapping[str, str]) -> ListedPlace:
    """Read where a row's rule sits; raises `UnreadableCell`."""
    listed_for = one_of(cells, "for", ListedFor) or ListedFor.BUYERS
    whom = short_text(cells, "whom", longest=LONGEST_NAME)
    if listed_for.is_named and not whom:
        raise UnreadableCell("whom", CellProblem.MISSING)
    if whom and not listed_for.is_named:
        raise UnreadableCell("whom", CellProblem.NOT_ALLOWED)
    from_quantity = whole_number(cells, "from_quantity")
    if from_quantity is not None and not 1 <= from_quantity <= MAX_MIN_QUANTITY:
        raise UnreadableCell("from_quantity", CellProblem.OUT_OF_RANGE)
    return ListedPlace(listed_for, whom, from_quantity or 1, moment(cells, "starts"))


def read_rule(
    cells: Mapping[str, str], currency: str, *, starts_at: datetime | None
) -> ListedRule | None:
    """Read what a row asks, None from an empty `rule`; raises `UnreadableCell`."""
    kind = one_of(cells, "rule", RuleKind)
    if kind is None:
        return None
    rounding = one_of(cells, "rounding", Rounding) or Rounding.HALF_UP
    unit_minor = 1
    if cells.get("unit", "").strip():
        unit_minor = amount_minor(cells, "unit", currency=currency)
    if unit_minor not in UNITS_MINOR:
        raise UnreadableCell("unit", CellProblem.OUT_OF_RANGE)
    ends_at = moment(cells, "ends")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise UnreadableCell("ends", CellProblem.OUT_OF_RANGE)
    return ListedRule(kind, _value(cells, kind, currency), rounding, unit_minor, ends_at)


def _value(cells: Mapping[str, str], kind: RuleKind, currency: str) -> int:
    if kind is RuleKind.PASS_THROUGH:
        return 0
    if kind in _IN_PERCENT:
        value = percent_bp(cells, "value")
    else:
        value = amount_minor(cells, "value", currency=currency)
    least = kind in (RuleKind.ABSOLUTE, RuleKind("PERCENT_OF_FACE"))
    if not least <= value <= MAX_RULE_VALUE:
        raise UnreadableCell("value", CellProblem.OUT_OF_RANGE)
    return value


def written_rule(place: ListedPlace, rule: ListedRule | None, *, currency: str) -> tuple[str, ...]:
    """Write the cells of a rule, in the order of `RULE_COLUMNS`."""
    where = (
        "" if place.listed_for is ListedFor.BUYERS else place.listed_for,
        place.whom,
        "" if place.from_quantity == 1 else str(place.from_quantity),
    )
    if rule is None:
        return (*where, "", "", "", "", written_moment(place.starts_at), "")
    return (
        *where,
        rule.kind,
        _written_value(rule, currency),
        rule.rounding,
        written_amount(rule.unit_minor, currency=currency),
        written_moment(place.starts_at),
        written_moment(rule.ends_at),
    )


def _written_value(rule: ListedRule, currency: str) -> str:
    if rule.kind is RuleKind.PASS_THROUGH:
        return ""
    if rule.kind in _IN_PERCENT:
        return written_percent(rule.value)
    return written_amount(rule.value, currency=currency)
