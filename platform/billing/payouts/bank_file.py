"""The file that a bank takes: a line for each payout, in CSV that spreadsheets read, with a sum.

Pure: amounts in, bytes out. The same payouts make the same bytes, so that the file can be made
again and be compared with its hash.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from billing.bank.naming import message_for
from kernel.money import currency_exponent

HEADING: Final = ("payout", "holder", "number", "bank", "amount", "currency", "reference")
_TOTAL: Final = "TOTAL"
_BOM: Final = b"\xef\xbb\xbf"
"""Without it a spreadsheet takes Chinese names for something else."""


@dataclass(frozen=True, slots=True)
class BankLine:
    """One payout as the bank is told of it; the net amount in minor units."""

    payout: str
    holder: str
    number: str
    bank: str
    amount_minor: int
    currency: str


def bank_file(lines: Sequence[BankLine]) -> bytes:
    """The file of at least one payout; its last line has their number and their sum."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADING)
    for line in lines:
        writer.writerow(
            (
                line.payout,
                line.holder,
                line.number,
                line.bank,
                _written(line.amount_minor, line.currency),
                line.currency,
                message_for(line.payout),
            )
        )
    currency = lines[0].currency
    total = _written(sum(line.amount_minor for line in lines), currency)
    writer.writerow((_TOTAL, "", "", "", total, currency, str(len(lines))))
    return _BOM + text.getvalue().encode()


def _written(amount_minor: int, currency: str) -> str:
    """Major units with the currency's own decimals and a point: 498.00."""
    return str(Decimal(amount_minor).scaleb(-currency_exponent(currency)))
