"""Accounts that a correction may move: those that no other record is kept beside.

Wallets, trade balances, points, deposits, escrow and earnings that wait have books of their own;
they are corrected by refunds, credits and transfers, which keep those books.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from billing import accounts
from billing.ledger import Account
from kernel.errors import Invalid


class AdjustedAccount(StrEnum):
    """An account of a correction; RECEIVABLE and AVAILABLE are a party's, others the platform's."""

    GATEWAY = "GATEWAY"
    BANK = "BANK"
    RECEIVABLE = "RECEIVABLE"
    AVAILABLE = "AVAILABLE"
    COMPENSATION = "COMPENSATION"
    BAD_DEBT = "BAD_DEBT"
    GATEWAY_FEE = "GATEWAY_FEE"
    DISPUTE_FEE = "DISPUTE_FEE"
    FX = "FX"
    PENALTY = "PENALTY"
    WHOLESALE_MARGIN = "WHOLESALE_MARGIN"
    GATEWAY_RECOVERY = "GATEWAY_RECOVERY"


_PROVIDER: Final = "stripe"
_OF_PARTY: Final = {
    AdjustedAccount.RECEIVABLE: accounts.receivable,
    AdjustedAccount.AVAILABLE: accounts.party_available,
}
_REVENUE: Final = frozenset(
    {AdjustedAccount.PENALTY, AdjustedAccount.WHOLESALE_MARGIN, AdjustedAccount.GATEWAY_RECOVERY}
)


@dataclass(frozen=True, slots=True)
class AdjustedSide:
    """One side of a move; an account of a party names the party."""

    account: AdjustedAccount
    party_id: UUID | None


def account_of(side: AdjustedSide, currency: str) -> Account:
    """The ledger's account; `Invalid` where a party is missing, or too many."""
    of_party = _OF_PARTY.get(side.account)
    if (of_party is None) is not (side.party_id is None):
        raise Invalid("Exactly the accounts of a party name one.", field="partyId")
    if of_party is not None and side.party_id is not None:
        return of_party(side.party_id, currency)
    if side.account is AdjustedAccount.GATEWAY:
        return accounts.gateway(_PROVIDER, currency)
    if side.account is AdjustedAccount.BANK:
        return accounts.bank(currency)
    make = accounts.revenue if side.account in _REVENUE else accounts.expense
    return make(str(side.account), currency)
