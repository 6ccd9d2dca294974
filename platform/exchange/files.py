"""A file of rates: CSV with a line a pair, as banks and their programs write it."""

import csv
import io
from datetime import UTC, datetime
from typing import Final

from exchange.arithmetic import parsed_rate
from exchange.setting import MOST_AT_ONCE, NewRate
from kernel.errors import Invalid

COLUMNS: Final = ("base", "quote", "rate", "taken_at")


def rates_of_file(text: str) -> list[NewRate]:
    """Read the rates of a file with the columns base, quote, rate and, where it is not now,
    taken_at (2030-01-31T08:00:00Z). Raises `Invalid` for the first line that says nothing."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    if not set(COLUMNS[:3]) <= set(reader.fieldnames or ()) <= set(COLUMNS):
        raise Invalid(f"The first line names the columns: {', '.join(COLUMNS)}.")
    found: list[NewRate] = []
    try:
        for row in reader:
            if len(found) == MOST_AT_ONCE:
                raise Invalid(f"One sets 1 to {MOST_AT_ONCE} rates at once.")
            found.append(_rate(row, line=reader.line_num))
    except csv.Error as malformed:
        raise Invalid(f"Line {reader.line_num} is no CSV.") from malformed
    return found


def _rate(row: dict[str, str | None], *, line: int) -> NewRate:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    try:
        value = parsed_rate(cells["rate"])
        taken_at = datetime.fromisoformat(cells["taken_at"]) if cells["taken_at"] else None
    except (Invalid, ValueError) as malformed:
        raise Invalid(f"Line {line}: {malformed}") from malformed
    if taken_at is not None and taken_at.tzinfo is None:
        raise Invalid(f"Line {line}: a time names its zone, best UTC: 2030-01-01T00:00:00Z.")
    taken_at = taken_at.astimezone(UTC) if taken_at is not None else None
    return NewRate(cells["base"], cells["quote"], value, taken_at)
