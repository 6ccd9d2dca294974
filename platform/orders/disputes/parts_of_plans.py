"""A buyer's bank takes a part of a plan back: it is owed again until the bank has decided.

Meanwhile the plan stands still. Won: the part is paid, as it was. Lost: the buyer owes it once
more, and the platform bears it where he does not pay. A plan that is over has nothing to take: then
the contract says who bears the loss, as for any payment.
"""

from dataclasses import replace

from billing import accounts, ledger
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel import db
from orders import records
from orders.disputes.cases import Case
from orders.instalments import releasing, rows
from orders.instalments.rows import Plan


async def take(case: Case, payment: Payment) -> Case:
    """Let the disputed parts of an open plan be owed again; the case as it is secured by them.

    A bank that takes another amount than the payment has brought is left to the contract.
    """
    plan = await _plan_of(payment)
    if plan is None or payment.channel_minor != case.amount_minor:
        return case
    taken = await db.execute(
        "update instalments set state = 'DISPUTED' where paid_by = $1 and state = 'PAID'",
        payment.id,
    )
    if not taken:
        return case
    owed = accounts.instalment(plan.order_id, plan.currency)
    await ledger.post(
        postings.balance_taken(case.id, owed, case.amount_minor),
        kind="E10_BALANCE_TAKEN",
        idempotency_key=f"dispute-balance:{case.id}:taken",
        tenant_id=case.tenant_id,
    )
    return replace(case, taken_minor=case.amount_minor)


async def decide(case: Case, payment: Payment, *, is_won: bool) -> None:
    """Let a plan go on when its dispute is over, and its row says so."""
    plan = await _plan_of(payment)
    if plan is None:
        return
    if case.taken_minor:
        await (_give_back(case, payment, plan) if is_won else _owe_again(payment))
    order = await records.locked_order(plan.order_id)
    await releasing.go_on(order, plan)


async def _give_back(case: Case, payment: Payment, plan: Plan) -> None:
    await db.execute(
        "update instalments set state = 'PAID' where paid_by = $1 and state = 'DISPUTED'",
        payment.id,
    )
    owed = accounts.instalment(plan.order_id, plan.currency)
    await ledger.post(
        postings.balance_returned(case.id, owed, case.taken_minor),
        kind="E10_BALANCE_RETURNED",
        idempotency_key=f"dispute-balance:{case.id}:back",
        tenant_id=case.tenant_id,
    )


async def _owe_again(payment: Payment) -> None:
    await db.execute(
        """update instalments set state = 'LATE', due_at = platform_now(), paid_at = null,
                  paid_by = null
           where paid_by = $1 and state = 'DISPUTED'""",
        payment.id,
    )


async def lock_order(payment: Payment) -> None:
    """Lock the order whose plan a payment has paid a part of, before anything else."""
    order_id = await rows.order_of(payment) if payment.purpose == "INSTALMENT" else None
    if order_id is not None:
        await records.locked_order(order_id)


async def _plan_of(payment: Payment) -> Plan | None:
    """The open plan that a payment has paid a part of."""
    if payment.purpose != "INSTALMENT" or payment.status != "SUCCEEDED":
        return None
    order_id = await rows.order_of(payment)
    plan = await rows.locked_plan(order_id) if order_id is not None else None
    return plan if plan is not None and plan.state == "OPEN" else None
