"""A disputed top-up: the balance is taken as far as it goes, and given back if the dispute is won.

What is spent already is borne when the dispute is lost, as by the contract (`losing.py`).
"""

from dataclasses import replace

from billing import accounts, ledger, trade_moves
from billing.ledger import Account, Entry
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel.ids import new_id
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


async def take(case: Case, payment: Payment, *, and_shop: bool) -> Case:
    """Take what is left of a disputed top-up; the case as it has been secured by it.

    `and_shop`: the shop pays for the rest at once: its accounts are locked with the balance.
    """
    balance = await balance_of(payment)
    if balance is None:
        return case
    of_shop = [
        account(case.tenant_id, case.currency)
        for account in (accounts.party_pending, accounts.party_available, accounts.deposit_free)
    ]
    (there_minor, *_) = await trade_moves.lock([balance, *(of_shop if and_shop else ())])
    taken_minor = min(max(there_minor, 0), case.amount_minor)
    if taken_minor:
        entries = postings.balance_taken(case.id, balance, taken_minor)
        await _move(case, balance, entries, -taken_minor)
    return replace(case, taken_minor=taken_minor)


async def give_back(case: Case, payment: Payment) -> None:
    """Give back what was taken: the dispute came to nothing."""
    balance = await balance_of(payment)
    if balance is None or not case.taken_minor:
        return
    await trade_moves.lock([balance])
    entries = postings.balance_returned(case.id, balance, case.taken_minor)
    await _move(case, balance, entries, case.taken_minor)


async def _move(case: Case, balance: Account, entries: list[Entry], amount_minor: int) -> None:
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
        idempotency_key=f"dispute-balance:{case.id}:{'taken' if amount_minor < 0 else 'back'}",
        tenant_id=case.tenant_id,
        posting_id=posting_id,
    )
