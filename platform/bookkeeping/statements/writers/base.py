"""What every format has in common: the head of a statement, its columns, and running balances."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

from bookkeeping.statements.lines import StatementLine
from bookkeeping.statements.party_accounts import BY_NAME, AccountName
from bookkeeping.statements.periods import Period
from bookkeeping.statements.summing import AccountSummary
from bookkeeping.statements.words import words_of
from kernel.ids import public_id
from kernel.money import currency_exponent
from orders.split import PartyKind

COLUMNS: Final = (
    ("时间", "Time"),
    ("账户", "Account"),
    ("事项", "What"),
    ("订单号", "Order"),
    ("商品", "Goods"),
    ("分成编号", "Share"),
    ("金额", "Amount"),
    ("余额", "Balance"),
)
OPENING: Final = ("期初余额", "Opening")
CLOSING: Final = ("期末余额", "Closing")
_PARTIES: Final = {
    PartyKind.TENANT: ("店铺", "Shop"),
    PartyKind.SUPPLIER: ("供货商", "Supplier"),
    PartyKind.AFFILIATE: ("推广员", "Affiliate"),
}


@dataclass(frozen=True)
class StatementHead:
    """What stands above the lines: whose, when, and each account from opening to closing."""

    period: Period
    accounts: tuple[AccountSummary, ...]
    english: bool

    @cached_property
    def exponent(self) -> int:
        """Decimal places of the currency."""
        return currency_exponent(self.period.currency)

    def word(self, pair: tuple[str, str]) -> str:
        """Chinese or English."""
        return pair[self.english]

    @property
    def title(self) -> str:
        """Whose statement it is, in which currency."""
        party = self.period.party
        heading = self.word(("对账单", "Statement"))
        return f"{heading} · {self.word(_PARTIES[party.kind])} {party.name}"

    @property
    def about(self) -> str:
        """The period and the currency; all times have the offset with which it was asked for."""
        since, until = self.moment(self.period.since), self.moment(self.period.until)
        offset = self.period.since.strftime("%z") or "+0000"
        return f"{since} – {until} (UTC{offset[:3]}:{offset[3:5]}), {self.period.currency}"

    def moment(self, when: datetime) -> str:
        """A time in the offset of the period."""
        local = when.astimezone(self.period.since.tzinfo)
        return local.strftime("%Y-%m-%d %H:%M:%S")

    def account(self, name: AccountName) -> str:
        """What people call an account."""
        return BY_NAME[name].en if self.english else BY_NAME[name].zh

    def what(self, line: StatementLine) -> str:
        """What a line was, in words."""
        return words_of(line.kind, line.part, line.role, english=self.english)

    def goods(self, line: StatementLine) -> str:
        """What was sold, by the name that the catalogue gives it: not a shop's own words."""
        zh, en = line.name_zh or "", line.name_en or ""
        return (en or zh) if self.english else (zh or en)

    def major(self, amount_minor: int) -> Decimal:
        """An amount in major units, exactly."""
        return Decimal(amount_minor).scaleb(-self.exponent)

    def written(self, amount_minor: int) -> str:
        """The same as a text with all its decimals."""
        return f"{self.major(amount_minor):.{self.exponent}f}"


def share_id(line: StatementLine) -> str:
    """The outside form of the frozen share that a line is a part of."""
    return public_id("shr", line.share_id) if line.share_id else ""


class StatementWriter(ABC):
    """A file in the making. `balances` are what the lines so far have come to, in minor units."""

    def __init__(self, path: Path, head: StatementHead) -> None:
        self.path = path
        self.head = head
        self.balances = {account.name: account.opening_minor for account in head.accounts}

    def add(self, lines: Sequence[StatementLine]) -> None:
        """Write the next lines."""
        for line in lines:
            self.balances[line.account] += line.amount_minor
            self.write(line, self.balances[line.account])

    @abstractmethod
    def write(self, line: StatementLine, balance_minor: int) -> None:
        """Write one line, and what its account has come to."""

    @abstractmethod
    def give_up(self) -> None:
        """Let go of what is open: nobody wants the file any more."""

    @abstractmethod
    def close(self) -> None:
        """Write what stands below the lines, and the file."""
