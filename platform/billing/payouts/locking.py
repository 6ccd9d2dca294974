"""The accounts of parties whose payouts are decided about, locked in one go and one order."""

from collections.abc import Sequence

from billing import accounts, debts, ledger
from billing.payouts.rows import Payout


async def lock_money_of(payouts: Sequence[Payout]) -> None:
    """Lock what the payouts' parties have available and owe, in the open transaction.

    Whoever ends or sends several payouts does so first: one account after the other, in the order
    of the payouts, would meet whoever locks them in the order of their ids.
    """
    if payouts:
        await ledger.lock_balances(
            list(
                dict.fromkeys(
                    account
                    for payout in payouts
                    for account in (
                        accounts.party_available(payout.party_id, payout.currency),
                        accounts.receivable(payout.party_id, payout.currency),
                    )
                )
            )
        )


async def debt_of(payout: Payout) -> int:
    """What the payout's party owes, in minor units, locked until commit."""
    debt = accounts.receivable(payout.party_id, payout.currency)
    _, owed = await debts.lock_balances_and_debts([], [debt])
    return owed[debt]
