"""A file as rows of texts, whatever it came as."""

import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import python_calamine

from offers.price_desk.sheets.bounds import (
    FileRefused,
    require_cell,
    require_columns,
    require_rows,
    require_size,
)
from offers.price_desk.sheets.workbooks import measured_workbook

_QUOTE: Final = "'"


class FileFormat(StrEnum):
    """What a price list is written as."""

    CSV = "CSV"
    XLSX = "XLSX"


@dataclass(frozen=True, slots=True)
class Record:
    """One row below the heading: the line where it ends, and its cells by their column's name."""

    line: int
    cells: dict[str, str]


def read_records(content: bytes, *, file_format: FileFormat) -> list[Record]:
    """Read a table with a heading; empty rows are passed over.

    Every cell is text: a number of a workbook in its shortest decimal form. Raises `FileRefused`
    for a file that passes a bound, is broken, or has no heading.
    """
    require_size(content)
    rows = _csv_rows(content) if file_format is FileFormat.CSV else _xlsx_rows(content)
    filled = [(line, cells) for line, cells in rows if any(cells)]
    if not filled:
        raise FileRefused("The file has no heading.", field="file")
    heading = [cell.strip().lower() for cell in filled[0][1]]
    names = [name for name in heading if name]
    if len(set(names)) != len(names):
        raise FileRefused("Two columns have the same heading.", field="file")
    return [
        Record(line, {name: cell for name, cell in zip(heading, cells, strict=False) if name})
        for line, cells in filled[1:]
    ]


def _csv_rows(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused("A CSV file is UTF-8 text.", field="file") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            require_columns(len(cells))
            rows.append((reader.line_num, [_plain(cell) for cell in cells]))
            require_rows(len(rows) - 1)
    except csv.Error as error:
        raise FileRefused(f"Line {reader.line_num} is not CSV.", field="file") from error
    return rows


def _xlsx_rows(content: bytes) -> list[tuple[int, list[str]]]:
    clean = measured_workbook(content)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(clean)) as workbook:
            # From the first row of the sheet, filled or not, so that its numbers are Excel's.
            table = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, IndexError, ValueError) as error:
        raise FileRefused("This is not an XLSX workbook.", field="file") from error
    return [(line, [_plain(_text(cell)) for cell in cells]) for line, cells in enumerate(table, 1)]


def _text(cell: object) -> str:
    """A workbook's number is a float: fifteen digits are what Excel itself keeps of one."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.15g}" if abs(cell) < 1e15 else repr(cell)
    return str(cell)


def _plain(cell: str) -> str:
    """A cell without the mark that keeps a spreadsheet from calculating it."""
    require_cell(len(cell))
    cell = cell.strip()
    return cell[1:] if cell.startswith(_QUOTE) else cell
