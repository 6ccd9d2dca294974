"""The postings of money at the platform's bank (E13, and E7 by bank)."""

from billing import accounts
from billing.ledger import Account, Entry, credit, debit


def arrived(*, currency: str, amount_minor: int) -> list[Entry]:
    """A transfer has come: it is the platform's to keep and nobody's yet."""
    return [
        debit(accounts.bank(currency), amount_minor),
        credit(accounts.unmatched(currency), amount_minor),
    ]


def credited(*, balance: Account, amount_minor: int) -> list[Entry]:
    """A transfer that paid for nothing goes to a balance of whoever sent it."""
    return [
        debit(accounts.unmatched(balance.currency), amount_minor),
        credit(balance, amount_minor),
    ]


def known_before(bank: Account, *, amount_minor: int) -> list[Entry]:
    """A transfer has brought what was booked before, for what it is: it came once."""
    return [
        debit(accounts.unmatched(bank.currency), amount_minor),
        credit(bank, amount_minor),
    ]


def owed_back(*, currency: str, amount_minor: int) -> list[Entry]:
    """A transfer that paid for nothing is owed to its sender."""
    return [
        debit(accounts.unmatched(currency), amount_minor),
        credit(accounts.refund_due(currency), amount_minor),
    ]


def paid_back(*, paid_from: Account, amount_minor: int) -> list[Entry]:
    """What was owed has left the bank, or has gone to the buyer's wallet instead."""
    return [
        debit(accounts.refund_due(paid_from.currency), amount_minor),
        credit(paid_from, amount_minor),
    ]
