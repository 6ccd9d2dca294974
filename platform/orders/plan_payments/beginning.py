"""The moment in which a plan pays its order (E14): the keys are sold, and wait for the parts.

Dr A:INSTALMENT · Cr L:ESCROW, for all of the order, with the first part. The keys are sold, so that
nobody else gets them however long the plan takes, and handed over as the parts come.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from billing import accounts, ledger, payment_parts, payments
from billing.payment_methods import INSTALMENT
from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement
from orders import funding, parts, postings, records, settling, settling_statements
from orders.instalments import offering
from orders.instalments.rows import Plan
from orders.manual import manual_parts
from orders.records import Line, Order
from supply import holding

_BEGIN = Statement.of(
    parts.MOMENT,
    holding.OURS,
    settling_statements.READY_TO_WAIT,
    holding.SELL,
    parts.PAID_BY_HAND,
    payment_parts.OPEN,
    ledger.POST,
    then="select exists (select from ready)",
)


async def begin(order: Order, plan: Plan) -> None:
    """Pay a locked order by its plan; the first part is to be written by the caller.

    Such goods earn no points: they would be spent before the goods are paid. Raises `HoldLost`
    where a key is not held any more; then the caller rolls back.
    """
    await db.execute(
        "update order_lines set earned_points = null where order_id = $1 and earned_points > 0",
        order.id,
    )
    await db.execute("update orders set by_hand = true where id = $1", order.id)
    lines = await records.lines_of(order.id)
    done: bool = await db.fetch_value(_BEGIN.sql, *_BEGIN.values(_values(order, plan, lines)))
    if not done:
        raise settling.HoldLost
    await _write_lines(order, lines)
    await _post_fee(order, plan)
    await db.execute(
        "update instalment_plans set state = 'OPEN', began_at = platform_now() where order_id = $1",
        order.id,
    )
    await db.execute(
        """update instalments set due_at = platform_now() + make_interval(days => $2 * (part - 1))
           where order_id = $1""",
        order.id,
        plan.interval_days,
    )


def _values(order: Order, plan: Plan, lines: Sequence[Line]) -> dict[str, Any]:
    payment = _payment(order, plan)
    line_ids = [line.id for line in lines]
    fees = offering.fees_by_line(lines, total_minor=order.total_minor, fee_bp=plan.shop_fee_bp)
    keys = [(key_id, line.id) for line in lines for key_id in line.key_ids]
    return parts.with_values(
        holding.sale_values(keys),
        _posting(order, payment, lines),
        manual_parts.starting_values(line_ids, lines=line_ids),
        payment_parts.opened(payment),
        {"fee_lines": line_ids, "fees": fees},
    )


def _payment(order: Order, plan: Plan) -> Payment:
    """The payment of the whole order by its plan; nothing of it comes by a channel."""
    drafted = payments.draft(
        payment_id=new_id(),
        tenant_id=order.tenant_id,
        purpose="ORDER",
        order_id=order.id,
        customer_id=order.customer_id,
        method=INSTALMENT,
        currency=order.currency,
        channel_minor=0,
        wallet_minor=order.total_minor,
        description=order.no,
    )
    return replace(drafted, fee_bp=plan.shop_fee_bp)


def _posting(order: Order, payment: Payment, lines: Sequence[Line]) -> dict[str, Any]:
    captured = postings.captured(
        provider=payment.provider,
        currency=order.currency,
        channel_minor=0,
        fee_minor=0,
        wallet=accounts.instalment(order.id, order.currency),
        wallet_minor=order.total_minor,
    )
    given = [one for line in lines for one in line.fundings]
    captured += funding.into_escrow(given, currency=order.currency, state="HELD")
    return ledger.posting(
        ledger.merged(captured),
        kind="SALE",
        idempotency_key=f"sale:{order.id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )


async def _write_lines(order: Order, lines: Sequence[Line]) -> None:
    await db.execute(
        """insert into instalment_lines (tenant_id, order_id, line_id, quantity)
           select $1, $2, line.id, line.quantity
           from unnest($3::uuid[], $4::int[]) as line (id, quantity)""",
        order.tenant_id,
        order.id,
        [line.id for line in lines],
        [line.quantity for line in lines],
    )


async def _post_fee(order: Order, plan: Plan) -> None:
    if not plan.buyer_fee_minor:
        return
    await ledger.post(
        [
            ledger.debit(accounts.instalment(order.id, order.currency), plan.buyer_fee_minor),
            ledger.credit(accounts.revenue("INSTALMENT_FEE", order.currency), plan.buyer_fee_minor),
        ],
        kind="E14_FEE",
        idempotency_key=f"instalment-fee:{order.id}",
        tenant_id=order.tenant_id,
    )
