"""The formats of a statement's file."""

from enum import StrEnum


class StatementFormat(StrEnum):
    """CSV in UTF-8, an Excel workbook, or a PDF to print."""

    CSV = "CSV"
    XLSX = "XLSX"
    PDF = "PDF"
