"""E13: late, double and wrong payments are booked apart and refunded by themselves."""

from typing import Literal

from billing import accounts, ledger, payments
from billing.ledger import credit, debit
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from orders.records import Order
from orders.split import channel_fee_minor

Reason = Literal["LATE_PAYMENT", "DOUBLE_PAYMENT", "WRONG_PAYMENT"]


async def owe_back(
    report: ChannelReport, payment: Payment, order: Order | None, *, reason: Reason
) -> None:
    """Book what really came, and owe all of it back to the channel; inside the transaction."""
    await payments.end(payment, status="UNAPPLIED", provider_ref=report.provider_ref)
    amount_minor, currency = report.amount_minor, report.currency
    fee_minor = channel_fee_minor(amount_minor=amount_minor, fee_bp=payment.fee_bp)
    gateway = accounts.received(payment.provider, currency)
    fee = accounts.expense("GATEWAY_FEE", currency)
    await ledger.post(
        [
            # Not netted: on the smallest amounts the fee, rounded up, is all that came.
            debit(gateway, amount_minor),
            *([debit(fee, fee_minor), credit(gateway, fee_minor)] if fee_minor else []),
            credit(accounts.unapplied(currency), amount_minor),
            debit(accounts.unapplied(currency), amount_minor),
            credit(accounts.refund_due(currency), amount_minor),
        ],
        kind="E13",
        idempotency_key=f"unapplied:{payment.id}",
        tenant_id=payment.tenant_id,
        order_id=order.id if order else None,
    )
    await db.execute(
        """insert into refunds (id, tenant_id, order_id, payment_id, sequence, currency,
                                amount_minor, wallet_minor, channel_minor, reason, status,
                                next_attempt_at)
           values ($1, $2, $3, $4,
                   (select coalesce(max(sequence), 0) + 1 from refunds where order_id = $3),
                   $5, $6, 0, $6, $7, 'DUE', platform_now())""",
        new_id(),
        payment.tenant_id,
        order.id if order else None,
        payment.id,
        currency,
        amount_minor,
        reason,
    )
