"""E12: what a payout moves (domain 4). Its fee is earned when it is sent, and not if it fails."""

from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit, merged
from billing.postings.earnings import became_available


def reserved(party_id: UUID, currency: str, *, amount_minor: int) -> list[Entry]:
    """A party asks for its money."""
    return [
        debit(accounts.party_available(party_id, currency), amount_minor),
        credit(accounts.party_reserved(party_id, currency), amount_minor),
    ]


def released(party_id: UUID, currency: str, *, amount_minor: int, debt_minor: int) -> list[Entry]:
    """A payout ends before it was sent; a debt that has come up meanwhile is repaid first."""
    return merged(
        [
            debit(accounts.party_reserved(party_id, currency), amount_minor),
            *became_available(party_id, currency, amount_minor=amount_minor, debt_minor=debt_minor),
        ]
    )


def sent(party_id: UUID, currency: str, *, amount_minor: int, fee_minor: int) -> list[Entry]:
    """The payout goes out, less the fee."""
    return merged(
        [
            debit(accounts.party_reserved(party_id, currency), amount_minor),
            credit(accounts.payout_clearing(currency), amount_minor - fee_minor),
            credit(accounts.revenue("PAYOUT_FEE", currency), fee_minor),
        ]
    )


def confirmed(paid_from: Account, *, amount_minor: int, fee_minor: int) -> list[Entry]:
    """The bank, or the channel, has paid it: out of `paid_from`, where the platform's money is."""
    net_minor = amount_minor - fee_minor
    return [
        debit(accounts.payout_clearing(paid_from.currency), net_minor),
        credit(paid_from, net_minor),
    ]


def returned(
    party_id: UUID, came_from: Account, *, amount_minor: int, fee_minor: int, debt_minor: int
) -> list[Entry]:
    """The money did not arrive, or came back: the party has all of it again, and no fee is kept.
    A debt that has come up meanwhile is repaid first.

    `came_from` is clearing for what was not confirmed yet, else where it had been paid out of.
    """
    return merged(
        [
            debit(came_from, amount_minor - fee_minor),
            debit(accounts.revenue("PAYOUT_FEE", came_from.currency), fee_minor),
            *became_available(
                party_id, came_from.currency, amount_minor=amount_minor, debt_minor=debt_minor
            ),
        ]
    )
