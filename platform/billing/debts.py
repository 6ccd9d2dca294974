"""What parties owe the platform (`A:RECV`), locked for whoever is about to repay it."""

from collections.abc import Sequence
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import Account, Entry
from billing.postings import earnings


async def lock_balances_and_debts(
    drawn_on: Sequence[Account], debts: Sequence[Account]
) -> tuple[dict[Account, int], dict[Account, int]]:
    """What liability accounts hold and what debts come to, in minor units, locked until commit.

    All of them in one go, so that they are locked in the order of their ids.
    """
    wanted = [*drawn_on, *debts]
    if not wanted:
        return {}, {}
    found = dict(zip(wanted, await ledger.lock_balances(wanted), strict=True))
    return (
        {account: found[account] for account in drawn_on},
        {account: -found[account] for account in debts},
    )


async def became_available(party_id: UUID, currency: str, amount_minor: int) -> list[Entry]:
    """The credits of what a party may use from now on: its debt is locked, and repaid first."""
    debt = accounts.receivable(party_id, currency)
    _, owed = await lock_balances_and_debts([], [debt])
    return earnings.became_available(
        party_id, currency, amount_minor=amount_minor, debt_minor=owed[debt]
    )
