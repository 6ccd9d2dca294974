"""Rows of texts as a file that a spreadsheet opens, and calculates nothing of."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import xlsxwriter

from offers.price_desk.sheets.reading import FileFormat

_CALCULATED: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n'")
"""A cell that begins so is a formula to some spreadsheet, to those of East Asia in full width, too;
the quote is doubled to come back."""
_BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of its country."""


def write_records(
    heading: Sequence[str], rows: Iterable[Sequence[str]], *, file_format: FileFormat
) -> bytes:
    """Write a heading and rows; every cell is text, and no cell is a formula."""
    harmless = [[_harmless(cell) for cell in row] for row in rows]
    write = _as_csv if file_format is FileFormat.CSV else _as_xlsx
    return write(heading, harmless)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_CALCULATED) else cell


def _as_csv(heading: Sequence[str], rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    out.write(_BOM)
    writer = csv.writer(out)
    writer.writerow(heading)
    writer.writerows(rows)
    return out.getvalue().encode()


def _as_xlsx(heading: Sequence[str], rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as workbook:
        sheet = workbook.add_worksheet("prices")
        text = workbook.add_format({"num_format": "@"})
        bold = workbook.add_format({"bold": True})
        for column, name in enumerate(heading):
            sheet.write_string(0, column, name, bold)
            # A cell that somebody fills in stays text, too: a code keeps its zeros.
            sheet.set_column(column, column, 18, text)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, text)
        sheet.freeze_panes(1, 1)
    return out.getvalue()
