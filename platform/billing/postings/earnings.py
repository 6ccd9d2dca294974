"""The way of what a party earns from stage to stage (E6), and what becomes of its debts."""

from collections.abc import Sequence
from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit, merged


def became_available(
    party_id: UUID, currency: str, *, amount_minor: int, debt_minor: int
) -> list[Entry]:
    """Credit what a party may use from now on; a debt of it is repaid first.

    `debt_minor` is what `A:RECV` of the party says, with the account locked (`debts.lock_debts`).
    """
    repaid_minor = min(amount_minor, debt_minor)
    return merged(
        [
            credit(accounts.receivable(party_id, currency), repaid_minor),
            credit(accounts.party_available(party_id, currency), amount_minor - repaid_minor),
        ]
    )


def matured(party_id: UUID, currency: str, *, amount_minor: int, debt_minor: int) -> list[Entry]:
    """E6: what was pending becomes available."""
    pending = accounts.party_pending(party_id, currency)
    return merged(
        [
            debit(pending, amount_minor),
            *became_available(party_id, currency, amount_minor=amount_minor, debt_minor=debt_minor),
        ]
    )


def held(held_account: Account, moved: Sequence[tuple[Account, int]]) -> list[Entry]:
    """Stop so much of each stage, in minor units, while a case is open."""
    return merged(
        [
            *(debit(source, amount_minor) for source, amount_minor in moved),
            *(credit(held_account, amount_minor) for _, amount_minor in moved),
        ]
    )


def released(
    party_id: UUID, currency: str, *, pending_minor: int, available_minor: int, debt_minor: int
) -> list[Entry]:
    """Give back what was held to where it came from; a debt is repaid by what is available."""
    return merged(
        [
            debit(accounts.party_held(party_id, currency), pending_minor + available_minor),
            credit(accounts.party_pending(party_id, currency), pending_minor),
            *became_available(
                party_id, currency, amount_minor=available_minor, debt_minor=debt_minor
            ),
        ]
    )
