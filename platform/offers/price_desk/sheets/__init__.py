"""Price lists as files: CSV and XLSX in, CSV and XLSX out, within bounds. No database here."""

from offers.price_desk.sheets.reading import FileFormat, Record, read_records
from offers.price_desk.sheets.writing import write_records

__all__ = ["FileFormat", "Record", "read_records", "write_records"]
