"""A disputed top-up: the balance is taken as far as it goes, and given back if the dispute is won.

What is spent already is borne when the dispute is lost, as by the contract (`losing.py`).
"""

from dataclasses import replace
from uuid import UUID

from billing import accounts, ledger, trade_moves
from billing.ledger import Account, Entry
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel.ids import new_id
from orders.deposits import stopping
from orders.deposits.whose import party_of_payment
from orders.disputes.cases import Case


async def balance_of(payment: Payment) -> Account | None:
    """The balance that a payment has topped up; None where it has paid for something else."""
    if payment.status != "SUCCEEDED":
        return None
    if payment.purpose == "TRADE_TOP_UP":
        return accounts.trade(payment.tenant_id, payment.currency)
    if payment.purpose == "TOP_UP" and payment.customer_id is not None:
        return accounts.wallet(payment.customer_id, payment.currency)
    if payment.purpose == "DEPOSIT_TOP_UP":
        party = await party_of_payment(payment)
        return accounts.deposit_free(party.id, payment.currency)
    return None


async def take(case: Case, payment: Payment, *, at_last: bool) -> Case:
    """Take what is left of a disputed top-up; the case as it has been secured by it.

    `at_last`: the bank keeps the money. What has come back to the balance since the dispute began
    is taken then, and who answers for the rest pays at once: its accounts are locked with it.
    """
    balance = await balance_of(payment)
    if balance is None:
        return case
    of_liable = []
    if at_last:
        party_id = await liable_for(payment)
        of_liable = [
            account(party_id, case.currency)
            for account in (accounts.party_pending, accounts.party_available, accounts.deposit_free)
        ]
    (there_minor, *_) = await trade_moves.lock([balance, *of_liable])
    taken_minor = min(max(there_minor, 0), case.amount_minor - case.taken_minor)
    if taken_minor:
        entries = postings.balance_taken(case.id, balance, taken_minor)
        step = "taken-at-last" if at_last else "taken"
        await _move(case, payment, balance, entries, -taken_minor, step)
    return replace(case, taken_minor=case.taken_minor + taken_minor)


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
