"""The postings of a seller's deposit (E11). Money from a channel comes in as every top-up does."""

from uuid import UUID

from billing import accounts
from billing.ledger import Entry, credit, debit


def from_bank(party_id: UUID, currency: str, *, amount_minor: int) -> list[Entry]:
    """E11: a bank transfer becomes a deposit."""
    return [
        debit(accounts.bank(currency), amount_minor),
        credit(accounts.deposit_free(party_id, currency), amount_minor),
    ]


def from_earnings(party_id: UUID, currency: str, *, amount_minor: int) -> list[Entry]:
    """E11: a party puts down what it has earned and could be paid out."""
    return [
        debit(accounts.party_available(party_id, currency), amount_minor),
        credit(accounts.deposit_free(party_id, currency), amount_minor),
    ]


def held(party_id: UUID, currency: str, *, amount_minor: int) -> list[Entry]:
    """E11: a part of the deposit is held for a case."""
    return [
        debit(accounts.deposit_free(party_id, currency), amount_minor),
        credit(accounts.deposit_held(party_id, currency), amount_minor),
    ]


def ended(
    party_id: UUID, currency: str, *, amount_minor: int, deducted_minor: int = 0
) -> list[Entry]:
    """E11: a case ends. What is deducted is a penalty, and the rest is free again."""
    entries = [debit(accounts.deposit_held(party_id, currency), amount_minor)]
    if deducted_minor:
        entries.append(credit(accounts.revenue("PENALTY", currency), deducted_minor))
    if amount_minor > deducted_minor:
        free = accounts.deposit_free(party_id, currency)
        entries.append(credit(free, amount_minor - deducted_minor))
    return entries


def left(party_id: UUID, currency: str, *, amount_minor: int) -> list[Entry]:
    """E11: who has wound up has the deposit back, as money that can be paid out."""
    return [
        debit(accounts.deposit_free(party_id, currency), amount_minor),
        credit(accounts.party_available(party_id, currency), amount_minor),
    ]
