"""A part of a plan is paid: by a channel's word, or from the wallet.

Inside a transaction with the order locked, so payments, refunds and the plan's end come one after
the other, and whoever comes second finds the parts as the first has left them.
"""

from collections.abc import Sequence
from typing import Literal

from billing import accounts, ledger, payments
from billing.ledger import Entry, credit, debit
from billing.payments import Payment
from kernel import db
from orders import postings, settling
from orders.instalments import releasing, rows
from orders.instalments.rows import Part
from orders.plan_payments import beginning
from orders.records import Order
from orders.split import channel_fee_minor

Unfit = Literal["LATE_PAYMENT", "DOUBLE_PAYMENT"]
"""Why the money of a part pays for nothing, and goes back by itself."""


async def settle(payment: Payment, order: Order) -> Unfit | None:
    """Apply the whole amount of a payment to the part that it was made for.

    The answer says why it pays for nothing; then nothing is written.
    """
    plan = await rows.locked_plan(order.id)
    if plan is None or await rows.is_disputed(order.id):
        return "LATE_PAYMENT"
    parts = await rows.parts_of(order.id)
    chosen = await _chosen(payment, parts)
    amount_minor = payment.channel_minor + payment.wallet_minor
    if not chosen or sum(part.left_minor for part in chosen) != amount_minor:
        return "LATE_PAYMENT" if any(part.is_open for part in chosen) else "DOUBLE_PAYMENT"
    if plan.state == "PROPOSED":
        if not order.payable or chosen[0].part != 1:
            return "LATE_PAYMENT"
        try:
            async with db.savepoint():
                await beginning.begin(order, plan)
        except settling.HoldLost:
            return "LATE_PAYMENT"
    elif plan.state != "OPEN":
        return "LATE_PAYMENT"
    await _write(payment, order, chosen)
    await releasing.go_on(order, plan)
    return None


async def _chosen(payment: Payment, parts: Sequence[Part]) -> list[Part]:
    part = await rows.part_of(payment.id)
    return [one for one in parts if one.is_open and part in (None, one.part)]


async def _write(payment: Payment, order: Order, chosen: Sequence[Part]) -> None:
    await db.execute(
        """update instalments set state = 'PAID', paid_at = platform_now(), paid_by = $2
           where order_id = $1 and part = any ($3::smallint[])""",
        order.id,
        payment.id,
        [part.part for part in chosen],
    )
    await ledger.post(
        ledger.merged(_entries(payment, order)),
        kind="E14_PART",
        idempotency_key=f"instalment:{payment.id}",
        tenant_id=order.tenant_id,
    )


def _entries(payment: Payment, order: Order) -> list[Entry]:
    """Dr A:GATEWAY, or the wallet · Cr A:INSTALMENT; the platform bears the channel's fee, as it
    has the plan's."""
    owed = accounts.instalment(order.id, order.currency)
    if payment.channel_minor:
        return postings.topped_up(
            provider=payment.provider,
            wallet=owed,
            amount_minor=payment.channel_minor,
            fee_minor=channel_fee_minor(amount_minor=payment.channel_minor, fee_bp=payment.fee_bp),
        )
    return [
        debit(payments.free_balance(payment), payment.wallet_minor),
        credit(owed, payment.wallet_minor),
    ]


async def settle_from_channel(
    payment: Payment, order: Order | None, provider_ref: str
) -> Unfit | None:
    """The same for money that a channel has: the payment ends with it."""
    unfit = await settle(payment, order) if order is not None else "LATE_PAYMENT"
    if unfit is None:
        await payments.end(payment, status="SUCCEEDED", provider_ref=provider_ref)
    return unfit
