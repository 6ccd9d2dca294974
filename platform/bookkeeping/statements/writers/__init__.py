"""What a statement is written as: one file a format, and the list of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from bookkeeping.statements.writers.base import StatementHead as StatementHead
from bookkeeping.statements.writers.base import StatementWriter
from bookkeeping.statements.writers.csv_writer import CsvWriter
from bookkeeping.statements.writers.formats import StatementFormat as StatementFormat
from bookkeeping.statements.writers.pdf_writer import PdfWriter
from bookkeeping.statements.writers.pdf_writer import require_font as require_font
from bookkeeping.statements.writers.xlsx_writer import XlsxWriter

WRITERS: Final[dict[StatementFormat, Callable[[Path, StatementHead], StatementWriter]]] = {
    StatementFormat.CSV: CsvWriter,
    StatementFormat.XLSX: XlsxWriter,
    StatementFormat.PDF: PdfWriter,
}


def writer_of(file_format: StatementFormat, path: Path, head: StatementHead) -> StatementWriter:
    """Begin a file at this path."""
    return WRITERS[file_format](path, head)
