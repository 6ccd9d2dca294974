"""What a fast refund posts (E8), as pure functions."""

from collections.abc import Sequence
from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit, merged
from orders.clawback import Claim


def claims_upheld(claims: Sequence[Claim]) -> list[Claim]:
    """What everybody but the payer of the channel's fee gives back: the supplier has paid it."""
    return [claim for claim in claims if not claim.deposit_first]


def paid(
    taken: Sequence[Entry],
    *,
    currency: str,
    amount_minor: int,
    back_to: Account | None,
    wallet_minor: int,
) -> list[Entry]:
    """E8, accepted: what was taken from the supplier is owed to the buyer, or in the wallet."""
    due = accounts.refund_due(currency)
    entries = [*merged(taken), credit(due, amount_minor)]
    if back_to is not None and wallet_minor:
        # Not netted: that all of it was owed stays visible.
        entries += [debit(due, wallet_minor), credit(back_to, wallet_minor)]
    return entries


def paid_back(
    supplier_id: UUID, currency: str, *, amount_minor: int, debt_minor: int
) -> list[Entry]:
    """Give the supplier's deposit back what it has laid out; a debt is repaid first."""
    repaid_minor = min(amount_minor, debt_minor)
    return merged(
        [
            credit(accounts.receivable(supplier_id, currency), repaid_minor),
            credit(accounts.deposit_free(supplier_id, currency), amount_minor - repaid_minor),
        ]
    )


def rejected(
    supplier_id: UUID,
    currency: str,
    *,
    amount_minor: int,
    debt_minor: int,
    wallet: Account | None,
    wallet_minor: int,
) -> list[Entry]:
    """E8, rejected: the buyer pays as far as the wallet goes, the platform the rest."""
    taken = [debit(accounts.expense("COMPENSATION", currency), amount_minor - wallet_minor)]
    if wallet is not None:
        taken.append(debit(wallet, wallet_minor))
    back = paid_back(supplier_id, currency, amount_minor=amount_minor, debt_minor=debt_minor)
    return merged([*taken, *back])
