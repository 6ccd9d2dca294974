"""A statement as CSV in UTF-8: a table and nothing else, opening and closing as rows of it."""

import csv
from pathlib import Path
from typing import Final

from bookkeeping.statements.lines import StatementLine
from bookkeeping.statements.party_accounts import AccountName
from bookkeeping.statements.writers.base import (
    CLOSING,
    COLUMNS,
    OPENING,
    StatementHead,
    StatementWriter,
    share_id,
)
from orders.export import safe_cell

_BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of its country."""


class CsvWriter(StatementWriter):
    """Amounts are numbers with a point; texts are never formulas."""

    def __init__(self, path: Path, head: StatementHead) -> None:
        super().__init__(path, head)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(_BOM)
        self._rows = csv.writer(self._file)
        self._rows.writerow(head.word(column) for column in COLUMNS)
        for account in head.accounts:
            self._stand(OPENING, account.name, account.opening_minor)

    def write(self, line: StatementLine, balance_minor: int) -> None:
        """Write one line, and what its account has come to."""
        head = self.head
        texts = (
            head.moment(line.posted_at),
            head.account(line.account),
            head.what(line),
            line.order_no or "",
            head.goods(line),
            share_id(line),
        )
        amounts = (head.written(line.amount_minor), head.written(balance_minor))
        self._rows.writerow((*map(safe_cell, texts), *amounts))

    def give_up(self) -> None:
        """Let go of the file."""
        self._file.close()

    def close(self) -> None:
        """Write the closing balances."""
        for account in self.head.accounts:
            self._stand(CLOSING, account.name, account.closing_minor)
        self._file.close()

    def _stand(self, what: tuple[str, str], account: AccountName, balance_minor: int) -> None:
        head = self.head
        when = head.period.since if what is OPENING else head.period.until
        cells = (head.moment(when), head.account(account), head.word(what), "", "", "", "")
        self._rows.writerow((*cells, head.written(balance_minor)))
