"""What happens when a channel says something about a dispute, by whichever way it is said.

Webhook, look and search all call `hear`. One transaction holds the case, the money and everything
that stops or goes on; locks are taken as everywhere: order, payment, case, then what refunds lock.
"""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from billing import ledger, payments
from billing.payment_methods.disputes import DisputeReport
from billing.payments import Payment
from billing.postings import disputes as postings
from kernel import db
from kernel.faults import crash_point
from kernel.ids import public_id
from kernel.log import get_logger
from kernel.outbox import EventType, tell
from orders import news, records
from orders.disputes import cases, losing, parts_of_plans, progress, stopping, topped_up
from orders.disputes.cases import Case
from orders.disputes.progress import Known, Steps
from orders.records import Order

Effect = Literal["DISPUTED", "NOTHING"]
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a report came to."""

    effect: Effect
    tenant_id: UUID | None = None
    order_id: UUID | None = None


async def hear(report: DisputeReport) -> Heard:
    """Apply what a channel says of a dispute, once, in whatever order it comes."""
    crash_point("dispute.heard")
    payment = await payments.find_by_ref(report.provider, report.payment_ref)
    if payment is None:
        log.warning("dispute_unknown", provider=report.provider, dispute=report.provider_ref)
        return Heard("NOTHING")
    async with db.transaction(db.core_scope(payment.tenant_id)):
        effect = await _hear_locked(report, payment)
        crash_point("dispute.recorded")
    crash_point("dispute.committed")
    if effect == "DISPUTED" and payment.order_id is not None:
        await news.order_changed(payment.tenant_id, payment.order_id)
    return Heard(effect, payment.tenant_id, payment.order_id)


async def _hear_locked(report: DisputeReport, found: Payment) -> Effect:
    order = await records.locked_order(found.order_id) if found.order_id else None
    await parts_of_plans.lock_order(found)
    payment = await payments.locked(found.id)
    if report.currency != payment.currency:
        log.error("dispute_of_another_currency", dispute=report.provider_ref)
        return "NOTHING"
    case, is_new = await cases.opened(report, payment, order)
    known = Known() if is_new else case.known
    todo = progress.steps(known, report)
    if todo.contradicts:
        log.error("dispute_decided_anew", dispute=str(case.id), state=report.state)
    case = await _apply(case, todo, report, payment, order)
    effect: Effect = "NOTHING" if todo.is_nothing and not is_new else "DISPUTED"
    await payments.record_dispute(report, payment_id=payment.id, effect=effect)
    await _tell(case, todo, order)
    return effect


async def _apply(
    case: Case, todo: Steps, report: DisputeReport, payment: Payment, order: Order | None
) -> Case:
    case = replace(
        case,
        state=todo.state,
        due_at=report.due_at or case.due_at,
        fee_minor=max(case.fee_minor, report.fee_minor),
    )
    if todo.stop:
        # What an inquiry asks about may be more, or less, than what is disputed in the end.
        case = replace(case, amount_minor=report.amount_minor)
    if todo.withdraw:
        await _post_withdrawal(case)
    if todo.stop:
        case = await stopping.stop(case, payment, order, is_over=todo.settle is not None)
    if todo.settle == "LOST" or (todo.withdraw and todo.settle != "WON"):
        case = await topped_up.take(case, payment, at_last=todo.settle == "LOST")
    if todo.reinstate:
        case = replace(case, fee_back_minor=min(report.fee_back_minor, case.fee_minor))
        await _post_reinstatement(case)
    if todo.settle == "WON":
        await topped_up.give_back(case, payment)
        case = await stopping.go_on(case, payment, order)
    now = Known(
        state=todo.state,
        is_stopped=case.stopped_at is not None or todo.stop,
        is_withdrawn=case.withdrawn_at is not None or todo.withdraw,
        is_reinstated=case.reinstated_at is not None or todo.reinstate,
        is_settled=case.settled_at is not None or todo.settle is not None,
    )
    lost, case = case, replace(case, claimed_minor=0 if todo.settle else case.claimed_minor)
    await cases.write(case, now)
    if todo.settle == "LOST":
        await losing.lose(lost, payment, order)
    if todo.settle in ("WON", "LOST"):
        await parts_of_plans.decide(case, payment, is_won=todo.settle == "WON")
    return case


async def _post_withdrawal(case: Case) -> None:
    await ledger.post(
        postings.withdrawn(
            case_id=case.id,
            provider=case.provider,
            currency=case.currency,
            amount_minor=case.amount_minor,
            fee_minor=case.fee_minor,
        ),
        kind="E10_DISPUTE_OPENED",
        idempotency_key=f"dispute-opened:{case.id}",
        tenant_id=case.tenant_id,
        order_id=case.order_id,
    )


async def _post_reinstatement(case: Case) -> None:
    await ledger.post(
        postings.reinstated(
            case_id=case.id,
            provider=case.provider,
            currency=case.currency,
            amount_minor=case.amount_minor,
            fee_back_minor=case.fee_back_minor,
        ),
        kind="E10_DISPUTE_WON",
        idempotency_key=f"dispute-won:{case.id}",
        tenant_id=case.tenant_id,
        order_id=case.order_id,
    )


async def _tell(case: Case, todo: Steps, order: Order | None) -> None:
    """Tell the shop's programs that a dispute has begun, and how it has ended."""
    events = [
        *([EventType.DISPUTE_OPENED] if todo.stop else []),
        *([EventType.DISPUTE_CLOSED] if todo.settle else []),
    ]
    for event in events:
        await tell(
            event,
            tenant_id=case.tenant_id,
            object_id=case.id,
            facts={
                "disputeId": public_id("dsp", case.id),
                "orderNo": order.no if order is not None else None,
                "state": case.state,
                "reason": case.reason,
                "amountMinor": case.amount_minor,
                "currency": case.currency,
            },
        )
