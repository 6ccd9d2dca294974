"""What the cells of a price list say, exactly: amounts, percents, times, words; or why nothing.

People write amounts as they read them, 12.34 of the shop's currency, and percents as 5.25; a time
says its zone: 2030-01-01T00:00:00Z.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from kernel.money import currency_exponent

_YES: Final = frozenset({"yes", "y", "true", "1", "是"})
_NO: Final = frozenset({"no", "n", "false", "0", "否"})
_LONGEST_NUMBER: Final = 30

Word = TypeVar("Word", bound=StrEnum)


class CellProblem(StrEnum):
    """What is wrong with one cell."""

    MISSING = "MISSING"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    TOO_PRECISE = "TOO_PRECISE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNKNOWN_WORD = "UNKNOWN_WORD"
    TOO_LONG = "TOO_LONG"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    TWICE = "TWICE"
    UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
    NOT_ALLOWED = "NOT_ALLOWED"
    NOT_A_TIME = "NOT_A_TIME"
    NO_ZONE = "NO_ZONE"
    UNKNOWN_NAME = "UNKNOWN_NAME"
    OVERLAPS = "OVERLAPS"
    TOO_MANY = "TOO_MANY"


class UnreadableCell(Exception):
    """A cell that says nothing; `column` and `code` say which and why."""

    def __init__(self, column: str, code: CellProblem) -> None:
        super().__init__(f"{column}: {code}")
        self.column = column
        self.code = code


def amount_minor(cells: Mapping[str, str], column: str, *, currency: str) -> int:
    """Read an amount of a currency in minor units, exactly.

    Raises `UnreadableCell` for a cell that is empty, no number, or finer than a minor unit.
    """
    return _scaled(cells, column, places=currency_exponent(currency))


def written_amount(amount_minor: int, *, currency: str) -> str:
    """Write an amount as `amount_minor` reads it: 1050 of CNY is 10.50."""
    exponent = currency_exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"


def percent_bp(cells: Mapping[str, str], column: str) -> int:
    """Read a percentage in basis points, exactly: 5.25 or 5.25% is 525."""
    return _scaled(cells, column, places=2)


def written_percent(bp: int) -> str:
    """Write basis points as `percent_bp` reads them: 525 is 5.25."""
    return f"{Decimal(bp).scaleb(-2):.2f}"


def whole_number(cells: Mapping[str, str], column: str) -> int | None:
    """Read a whole number, None from an empty cell."""
    return _scaled(cells, column, places=0) if cells.get(column, "").strip() else None


def moment(cells: Mapping[str, str], column: str) -> datetime | None:
    """Read a time with its zone, None from an empty cell; `UnreadableCell` for anything else."""
    text = cells.get(column, "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise UnreadableCell(column, CellProblem.NO_ZONE)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter before the year 1 or after 9999
        raise UnreadableCell(column, CellProblem.NOT_A_TIME) from None


def written_moment(value: datetime | None) -> str:
    """Write a time as `moment` reads it, nothing for none."""
    return "" if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _scaled(cells: Mapping[str, str], column: str, *, places: int) -> int:
    text = cells.get(column, "").replace(",", "").removesuffix("%").strip()
    if not text:
        raise UnreadableCell(column, CellProblem.MISSING)
    if len(text) > _LONGEST_NUMBER:
        raise UnreadableCell(column, CellProblem.OUT_OF_RANGE)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise UnreadableCell(column, CellProblem.NOT_A_NUMBER) from None
    if not number.is_finite():
        raise UnreadableCell(column, CellProblem.NOT_A_NUMBER)
    if abs(number.adjusted()) > _LONGEST_NUMBER:
        raise UnreadableCell(column, CellProblem.OUT_OF_RANGE)
    scaled = number.scaleb(places)
    if scaled != scaled.to_integral_value():
        raise UnreadableCell(column, CellProblem.TOO_PRECISE)
    return int(scaled)


def yes_or_no(cells: Mapping[str, str], column: str) -> bool | None:
    """Read yes or no, None from an empty cell."""
    word = cells.get(column, "").strip().lower()
    if not word:
        return None
    if word not in _YES | _NO:
        raise UnreadableCell(column, CellProblem.UNKNOWN_WORD)
    return word in _YES


def one_of(cells: Mapping[str, str], column: str, words: type[Word]) -> Word | None:
    """Read one of a list of words, None from an empty cell."""
    word = cells.get(column, "").strip().upper()
    if not word:
        return None
    try:
        return words(word)
    except ValueError:
        raise UnreadableCell(column, CellProblem.UNKNOWN_WORD) from None


def short_text(cells: Mapping[str, str], column: str, *, longest: int) -> str:
    """Read a text of so many characters."""
    text = cells.get(column, "").strip()
    if len(text) > longest:
        raise UnreadableCell(column, CellProblem.TOO_LONG)
    return text
