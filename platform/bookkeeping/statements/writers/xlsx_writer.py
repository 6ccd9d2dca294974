"""A statement as an Excel workbook: a sheet of sums, and one of lines."""

from pathlib import Path
from typing import Any

import xlsxwriter

from bookkeeping.statements.lines import StatementLine
from bookkeeping.statements.writers.base import (
    CLOSING,
    COLUMNS,
    OPENING,
    StatementHead,
    StatementWriter,
    share_id,
)

_WIDTHS = (19, 16, 24, 24, 32, 31, 14, 14)


class XlsxWriter(StatementWriter):
    """Rows leave the memory as they are written; no text is a formula, a link or a number."""

    def __init__(self, path: Path, head: StatementHead) -> None:
        super().__init__(path, head)
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(path, options)
        self._bold = self._book.add_format({"bold": True})
        places = f".{'0' * head.exponent}" if head.exponent else ""
        self._amount = self._book.add_format({"num_format": f"#,##0{places}"})
        self._sums()
        self._sheet = self._book.add_worksheet(head.word(("明细", "Lines")))
        self._columns(self._sheet, [head.word(column) for column in COLUMNS], row=0)
        for number, width in enumerate(_WIDTHS):
            self._sheet.set_column(number, number, width)
        self._sheet.freeze_panes(1, 0)
        self._row = 0

    def write(self, line: StatementLine, balance_minor: int) -> None:
        """Write one line, and what its account has come to."""
        head = self.head
        self._row += 1
        texts = (
            head.moment(line.posted_at),
            head.account(line.account),
            head.what(line),
            line.order_no or "",
            head.goods(line),
            share_id(line),
        )
        for column, text in enumerate(texts):
            if text:
                self._sheet.write_string(self._row, column, text)
        self._number(self._sheet, self._row, len(texts), line.amount_minor)
        self._number(self._sheet, self._row, len(texts) + 1, balance_minor)

    def give_up(self) -> None:
        """Let go of the rows on disk: the workbook's only way is to be packed."""
        self._book.close()

    def close(self) -> None:
        """Pack the workbook."""
        self._book.close()

    def _sums(self) -> None:
        head = self.head
        sheet = self._book.add_worksheet(head.word(("汇总", "Sums")))
        sheet.set_column(0, 4, 20)
        sheet.write_string(0, 0, head.title, self._bold)
        sheet.write_string(1, 0, head.about)
        moved = (("收入", "In"), ("支出", "Out"))
        pairs = (("账户", "Account"), OPENING, *moved, CLOSING)
        self._columns(sheet, [head.word(pair) for pair in pairs], row=3)
        for row, account in enumerate(head.accounts, 4):
            sheet.write_string(row, 0, head.account(account.name))
            sums = (account.opening_minor, account.in_minor, -account.out_minor)
            for column, amount_minor in enumerate((*sums, account.closing_minor), 1):
                self._number(sheet, row, column, amount_minor)

    def _columns(self, sheet: Any, names: list[str], *, row: int) -> None:
        for column, name in enumerate(names):
            sheet.write_string(row, column, name, self._bold)

    def _number(self, sheet: Any, row: int, column: int, amount_minor: int) -> None:
        sheet.write_number(row, column, self.head.major(amount_minor), self._amount)
