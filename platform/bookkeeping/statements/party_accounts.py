"""The accounts that a party has, as its statement names them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from billing import accounts
from billing.ledger import Account


class AccountName(StrEnum):
    """An account of a party, as its statement names it."""

    PENDING = "PENDING"
    HELD = "HELD"
    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    DEPOSIT = "DEPOSIT"
    DEPOSIT_HELD = "DEPOSIT_HELD"
    TRADE = "TRADE"
    PROMO = "PROMO"
    PROMO_HELD = "PROMO_HELD"
    POINTS = "POINTS"
    DEBT = "DEBT"


@dataclass(frozen=True, slots=True)
class PartyAccount:
    """An account of the chart, its name in statements, and what people call it."""

    name: AccountName
    of: Callable[[UUID, str], Account]
    zh: str
    en: str


#: In the order in which a statement shows them.
PARTY_ACCOUNTS: Final = (
    PartyAccount(AccountName.PENDING, accounts.party_pending, "待结算", "Pending"),
    PartyAccount(AccountName.HELD, accounts.party_held, "冻结", "Held"),
    PartyAccount(AccountName.AVAILABLE, accounts.party_available, "可用", "Available"),
    PartyAccount(AccountName.RESERVED, accounts.party_reserved, "提现中", "Being paid out"),
    PartyAccount(AccountName.DEPOSIT, accounts.deposit_free, "保证金", "Deposit"),
    PartyAccount(AccountName.DEPOSIT_HELD, accounts.deposit_held, "冻结保证金", "Deposit, held"),
    PartyAccount(AccountName.TRADE, accounts.trade, "预存余额", "Trade balance"),
    PartyAccount(AccountName.PROMO, accounts.promo, "营销预算", "Promotion budget"),
    PartyAccount(AccountName.PROMO_HELD, accounts.promo_held, "冻结预算", "Budget, held"),
    PartyAccount(AccountName.POINTS, accounts.points, "积分", "Points"),
    PartyAccount(AccountName.DEBT, accounts.receivable, "欠款", "Debt"),
)
BY_NAME: Final = {account.name: account for account in PARTY_ACCOUNTS}
