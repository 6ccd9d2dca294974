"""How large a file may be, and the refusal of one that is larger or is none."""

from typing import Final

from kernel.errors import Invalid

MAX_BYTES: Final = 10_000_000
MAX_ROWS: Final = 30_000
"""Ten thousand goods, and as many rules as a shop may have."""
MAX_COLUMNS: Final = 20
MAX_CELL: Final = 500
"""Characters."""
MAX_UNPACKED_BYTES: Final = 64_000_000
MAX_PARTS: Final = 100
"""Files inside a workbook."""


class FileRefused(Invalid):
    """The file is too large, broken, or no table; nothing in it was looked at further."""


def require_size(content: bytes) -> None:
    """Raise `FileRefused` for an empty file or one of more than 10 MB."""
    if not content:
        raise FileRefused("The file is empty.", field="file")
    if len(content) > MAX_BYTES:
        raise FileRefused(f"A file has at most {MAX_BYTES // 1_000_000} MB.", field="file")


def require_rows(rows: int) -> None:
    """Raise `FileRefused` for more rows below the heading than a file may have."""
    if rows > MAX_ROWS:
        raise FileRefused(f"A file has at most {MAX_ROWS} rows.", field="file")


def require_columns(columns: int) -> None:
    """Raise `FileRefused` for a row with more cells than any list of ours has."""
    if columns > MAX_COLUMNS:
        raise FileRefused(f"A row has at most {MAX_COLUMNS} cells.", field="file")


def require_cell(characters: int) -> None:
    """Raise `FileRefused` for a cell that is longer than any value of ours."""
    if characters > MAX_CELL:
        raise FileRefused(f"A cell has at most {MAX_CELL} characters.", field="file")
