"""The buyer's keys as a file: plain text, or CSV that no spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Sequence

from orders.reveal import RevealedKey

# Security A65: a cell that begins with one of these would be computed by a spreadsheet.
# East Asia's spreadsheets read them in full width, too.
_FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n")


def as_text(keys: Sequence[RevealedKey]) -> str:
    """One key a line, nothing else: to be pasted into a redeem form."""
    return "".join(f"{key.secret}\n" for key in keys)


def as_csv(keys: Sequence[RevealedKey]) -> str:
    """A table with a header; a cell that looks like a formula gets a `'` in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["product", "serial", "key", "expires_at", "commitment", "salt"])
    for key in keys:
        expires = key.expires_at.isoformat() if key.expires_at else ""
        cells = [key.name_zh, key.serial, key.secret, expires, key.commitment_hex, key.salt_hex]
        writer.writerow([safe_cell(cell) for cell in cells])
    return "\ufeff" + buffer.getvalue()


def safe_cell(text: str) -> str:
    """The cell as it is, or with a `'` in front when a spreadsheet would compute it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
