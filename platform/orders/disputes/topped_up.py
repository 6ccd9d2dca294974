"""A disputed top-up: the balance is taken as far as it goes, and given back if the dispute is won.
So is a wallet into which the buyer has had the money back that the bank takes now.

What is spent already is borne when the dispute is lost, as by the contract (`losing.py`).
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

from billing import accounts, ledger, trade_moves
from billing.ledger import Account, Entry
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel import db
from kernel.ids import new_id
from orders.deposits import stopping
from orders.deposits.whose import party_of_payment
from orders.disputes import parts_of_plans
from orders.disputes.cases import Case


async def balance_of(payment: Payment) -> Account | None:
    """The balance that money of a payment may be in: what it has topped up, or the wallet into
    which a buyer was refunded what a channel had brought."""
    if payment.status != "SUCCEEDED" or payment.purpose == "INSTALMENT":
        return None  # what has paid a plan is in no balance: `parts_of_plans.py`
    if payment.purpose == "TRADE_TOP_UP":
        return accounts.trade(payment.tenant_id, payment.currency)
    if payment.purpose == "DEPOSIT_TOP_UP":
        party = await party_of_payment(payment)
        return accounts.deposit_free(party.id, payment.currency)
    if payment.customer_id is not None:
        return accounts.wallet(payment.customer_id, payment.currency)
    return None


async def take(case: Case, payment: Payment, *, at_last: bool) -> Case:
    """Take what is left of the disputed money; the case as it has been secured by it.

    `at_last`: the bank keeps the money. What has come back to the balance since the dispute began
    is taken then, and who answers for the rest pays at once: its accounts are locked with it.
    """
    if payment.purpose == "INSTALMENT":
        return await parts_of_plans.take(case, payment)
    balance = await balance_of(payment)
    wanted_minor = await _at_stake(case, payment)
    if balance is None or not wanted_minor:
        return case
    of_liable = []
    if at_last:
        party_id = await liable_for(payment)
        of_liable = [
            account(party_id, case.currency)
            for account in (accounts.party_pending, accounts.party_available, accounts.deposit_free)
        ]
    (there_minor, *_) = await trade_moves.lock([balance, *of_liable])
    taken_minor = min(max(there_minor, 0), wanted_minor)
    if taken_minor:
        entries = postings.balance_taken(case.id, balance, taken_minor)
        step = "taken-at-last" if at_last else "taken"
        await _move(case, payment, balance, entries, -taken_minor, step)
    return replace(case, taken_minor=case.taken_minor + taken_minor)


# What the bank will pay of the order's lines, or of refunds that are owed, is in nobody's wallet.
_IN_WALLET: Final = """
select least(coalesce(sum(wallet_minor + case when given_as = 'WALLET'
                                              then channel_minor - covered_minor else 0 end), 0)
             - $2::bigint
             - (select coalesce(sum(taken_minor), 0) from disputes
                where payment_id = $1 and (settled_at is null or state = 'LOST')),
             $3::bigint - coalesce(sum(channel_minor - covered_minor)
                                       filter (where status in ('STOPPED', 'FAILED')), 0))
from refunds where payment_id = $1
"""


async def _at_stake(case: Case, payment: Payment) -> int:
    """How much of the case the balance answers for and has not given yet, in minor units."""
    if payment.purpose != "ORDER":
        return case.amount_minor - case.taken_minor
    left_minor: int = await db.fetch_value(
        _IN_WALLET,
        payment.id,
        payment.wallet_minor,
        case.amount_minor - case.claimed_minor - case.taken_minor,
    )
    return max(left_minor, 0)


async def give_back(case: Case, payment: Payment) -> None:
    """Give back what was taken: the dispute came to nothing."""
    balance = await balance_of(payment)
    if balance is None or not case.taken_minor:
        return
    await trade_moves.lock([balance])
    entries = postings.balance_returned(case.id, balance, case.taken_minor)
    await _move(case, payment, balance, entries, case.taken_minor, "back")


async def liable_for(payment: Payment) -> UUID:
    """Who answers for a top-up: whoever has put the deposit down, else the shop."""
    if payment.purpose == "DEPOSIT_TOP_UP":
        return (await party_of_payment(payment)).id
    return payment.tenant_id


async def _move(
    case: Case,
    payment: Payment,
    balance: Account,
    entries: list[Entry],
    amount_minor: int,
    step: str,
) -> None:
    posting_id = new_id()
    if balance.code == accounts.trade(case.tenant_id, case.currency).code:
        kind: trade_moves.MoveKind = "DISPUTED" if amount_minor < 0 else "DISPUTE_WON"
        values = trade_moves.move(
            posting_id=posting_id, account=balance, kind=kind, amount_minor=amount_minor
        )
        await trade_moves.note(values, account=balance)
    await ledger.post(
        entries,
        kind="E10_BALANCE_TAKEN" if amount_minor < 0 else "E10_BALANCE_RETURNED",
        idempotency_key=f"dispute-balance:{case.id}:{step}",
        tenant_id=case.tenant_id,
        posting_id=posting_id,
    )
    if payment.purpose == "DEPOSIT_TOP_UP":
        await stopping.follow(await party_of_payment(payment))
