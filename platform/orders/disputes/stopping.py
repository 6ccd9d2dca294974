"""What a dispute stops until the bank has decided, and what goes on when it is won.

What everybody has earned is held, what the bank has taken cannot be refunded as well, a refund that
has not been sent waits, and nobody opens a key or delivers by hand.
"""

from dataclasses import replace
from uuid import UUID

from billing.payments import Payment
from kernel import db
from orders import records
from orders.disputes.cases import Case
from orders.earnings import holding
from orders.records import Order

# One that was tried may be on its way: the channel refuses it, and then it waits, too.
_STOP_REFUNDS = """
update refunds set status = 'STOPPED', next_attempt_at = null
where payment_id = $1 and status = 'DUE' and attempts = 0
"""
_CLAIM = """
update payments set disputed_minor = coalesce(disputed_minor, 0) + $2::bigint
where id = $1 and $2::bigint > 0
"""
_FREE = """
update payments set disputed_minor = nullif(disputed_minor - $2::bigint, 0)
where id = $1 and $2::bigint > 0
"""
_SEND_REFUNDS = """
update refunds set status = 'DUE', next_attempt_at = platform_now()
where payment_id = $1 and status = 'STOPPED'
  and not exists (select from disputes other
                  where other.payment_id = $1 and other.id <> $2
                    and other.stopped_at is not null and other.settled_at is null)
"""
# A clock that stood still while nobody could deliver goes on where it was.
_MORE_TIME = """
update manual_deliveries set due_at = due_at + (platform_now() - $2::timestamptz)
where order_id = $1 and state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
"""


async def stop(case: Case, payment: Payment, order: Order | None, *, is_over: bool) -> Case:
    """Stop what hangs on the payment; the case as it claims a part of it now.

    Of a case that is over already nothing is held: its end decides at once.
    """
    await db.execute(_STOP_REFUNDS, payment.id)
    if order is None or payment.status != "SUCCEEDED":
        return case
    claimed_minor = await _claimable_minor(case, payment, order)
    await db.execute(_CLAIM, payment.id, claimed_minor)
    if not is_over:
        await holding.hold(order.id, None, case.id, "DISPUTE")
    return replace(case, claimed_minor=claimed_minor)


async def go_on(case: Case, payment: Payment, order: Order | None) -> Case:
    """Let go on what the case has stopped, when it is over without a loss."""
    await db.execute(_FREE, payment.id, case.claimed_minor)
    await send_stopped_refunds(payment.id, of_case=case.id)
    if order is not None and payment.status == "SUCCEEDED":
        await holding.release(case.id)
        if case.stopped_at is not None:
            await db.execute(_MORE_TIME, order.id, case.stopped_at)
    return replace(case, claimed_minor=0)


async def free_claim(case: Case, payment_id: UUID) -> None:
    """What a lost dispute has claimed is written as refunds from now on."""
    await db.execute(_FREE, payment_id, case.claimed_minor)


async def send_stopped_refunds(payment_id: UUID, *, of_case: UUID) -> None:
    """Let refunds go out that waited for this case and for no other."""
    await db.execute(_SEND_REFUNDS, payment_id, of_case)


async def _claimable_minor(case: Case, payment: Payment, order: Order) -> int:
    """What the dispute takes of what the order's lines still have: not what was refunded, nor what
    another dispute has claimed."""
    claimed_minor: int = await db.fetch_value(
        "select coalesce(disputed_minor, 0) from payments where id = $1", payment.id
    )
    lines = await records.lines_of(order.id)
    left_minor = sum(line.paid_minor - line.refunded_minor for line in lines)
    of_channel_minor = payment.channel_minor - payment.refunded_channel_minor
    return max(min(case.amount_minor, min(of_channel_minor, left_minor) - claimed_minor), 0)
