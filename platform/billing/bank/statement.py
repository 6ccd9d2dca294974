"""A bank's statement as a CSV file: read as a whole, and refused as a whole. Pure.

The columns are `id,date,amount,currency,name,account,message`: the bank's own id of the line, the
day of booking, what came (or, below zero, went), from whom, and what the transfer says.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from kernel import crypto
from kernel.errors import Invalid
from kernel.money import CURRENCY_EXPONENTS, MAX_AMOUNT_MINOR

COLUMNS: Final = ("id", "date", "amount", "currency", "name", "account", "message")
MOST_BYTES: Final = 10_000_000
MOST_LINES: Final = 50_000
PROBLEMS_SHOWN: Final = 20
_LONGEST: Final = {"id": 64, "name": 140, "account": 64, "message": 500}
_AMOUNT: Final = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement; the amount in minor units, below zero for what went out."""

    bank_id: str
    booked_on: date
    amount_minor: int
    currency: str
    name: str
    account: str
    message: str


@dataclass(frozen=True, slots=True)
class StatementProblem:
    """What is wrong with a line, counted from the header's 1; the column, and a stable code."""

    line: int
    column: str
    code: str


class _Wrong(Exception):
    """A column and the code of what is wrong with it."""

    def __init__(self, column: str, code: str) -> None:
        super().__init__(column, code)
        self.column = column
        self.code = code


def read_statement(content: bytes) -> tuple[list[StatementLine], list[StatementProblem]]:
    """Read a whole file: its lines, and the first of its problems.

    Raises `Invalid` for what is no such file at all.
    """
    rows = _rows(content)
    lines: list[StatementLine] = []
    problems: list[StatementProblem] = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=2):
        try:
            line = _line(row)
            if (line.currency, line.bank_id) in seen:
                raise _Wrong("id", "TWICE")
        except _Wrong as wrong:
            problems.append(StatementProblem(number, wrong.column, wrong.code))
            if len(problems) == PROBLEMS_SHOWN:
                break
            continue
        seen.add((line.currency, line.bank_id))
        lines.append(line)
    return lines, problems


def _rows(content: bytes) -> Sequence[Mapping[str, str]]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if tuple(name.strip().lower() for name in header) != COLUMNS:
            raise Invalid(
                "A statement's first line names its columns.",
                field="file",
                details={"columns": ",".join(COLUMNS)},
            )
        rows: list[dict[str, str]] = []
        for cells in reader:
            if len(rows) == MOST_LINES:
                raise Invalid(f"A statement has at most {MOST_LINES} lines.", field="file")
            if cells:
                rows.append(dict(zip(COLUMNS, [*cells, *[""] * len(COLUMNS)], strict=False)))
    except (UnicodeDecodeError, csv.Error):
        raise Invalid("A statement is a CSV file, in Unicode.", field="file") from None
    return rows


def _line(row: Mapping[str, str]) -> StatementLine:
    texts = {name: crypto.normalised(row[name]) for name in COLUMNS}
    for name, longest in _LONGEST.items():
        if len(texts[name]) > longest or not texts[name].isprintable():
            raise _Wrong(name, "TOO_LONG" if len(texts[name]) > longest else "NOT_PLAIN")
    if not texts["id"]:
        raise _Wrong("id", "MISSING")
    return StatementLine(
        bank_id=texts["id"],
        booked_on=_date(texts["date"]),
        amount_minor=_amount_minor(texts["amount"], texts["currency"]),
        currency=texts["currency"],
        name=texts["name"],
        account=texts["account"],
        message=texts["message"],
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong("date", "NOT_A_DATE") from None


def _amount_minor(text: str, currency: str) -> int:
    """Whole minor units, exactly: nothing is rounded away."""
    if currency not in CURRENCY_EXPONENTS:
        raise _Wrong("currency", "UNKNOWN_CURRENCY")
    if _AMOUNT.fullmatch(text) is None:
        raise _Wrong("amount", "NOT_AN_AMOUNT")
    minor = Decimal(text).scaleb(CURRENCY_EXPONENTS[currency])
    if minor != int(minor) or not 0 < abs(minor) <= MAX_AMOUNT_MINOR:
        raise _Wrong("amount", "NOT_AN_AMOUNT")
    return int(minor)
