"""What happens when a channel says that money has come: stop 7 of every sale.

Webhook, poller and the buyer's return all call `hear`. One transaction holds the event's row, the
payment, the keys, the deliveries and the postings, so that none of them is ever true alone.
Locks are taken in one order: order, payment, keys, accounts.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from billing import accounts, ledger, payments
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger
from kernel.settings import settings
from orders import delivery, news, postings, records, unapplied
from orders.records import Line, Order, ShareRow
from orders.split import channel_fee_minor
from supply import pool
from supply.pool import OutOfStock, Wanted

Effect = Literal["SETTLED", "LATE_SETTLED", "TOPPED_UP", "REFUNDING", "ENDED", "NOTHING", "REFUSED"]
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a report came to."""

    effect: Effect
    tenant_id: UUID | None = None
    order_id: UUID | None = None


async def hear(report: ChannelReport) -> Heard:
    """Apply what a channel says, once, however often and by whichever way it is said."""
    crash_point("settlement.heard")
    async with db.transaction(db.core_scope(), read_only=True):
        payment = await payments.find_by_report(report)
    if payment is None:
        log.warning("payment_unknown", provider=report.provider, kind=report.kind)
        return Heard("NOTHING")
    async with db.transaction(db.core_scope(payment.tenant_id)):
        heard = await _hear_locked(report, payment)
        crash_point("settlement.recorded")
    crash_point("settlement.committed")
    if heard.order_id is not None and heard.effect != "NOTHING":
        await news.order_changed(payment.tenant_id, heard.order_id)
    return heard


async def _hear_locked(report: ChannelReport, found: Payment) -> Heard:
    order = await records.locked_order(found.order_id) if found.order_id else None
    payment = await payments.locked_by_report(report)
    crash_point("settlement.locked")
    nothing = Heard("NOTHING", found.tenant_id, found.order_id)
    if payment is None or await payments.heard_before(report):
        return nothing
    effect, note = await _apply(report, payment, order)
    await payments.record(report, payment_id=payment.id, effect=effect, note=note)
    return replace(nothing, effect=effect)


async def _apply(
    report: ChannelReport, payment: Payment, order: Order | None
) -> tuple[Effect, str]:
    if payment.provider_ref not in (None, report.provider_ref):
        # A second intent for one payment should not exist. Its money is nobody's yet: it is
        # written down for the operator, and nothing is delivered for it.
        log.error("payment_of_another_intent", payment=str(payment.id), kind=report.kind)
        return "REFUSED", f"another intent: {report.provider_ref}"
    if report.state == "CANCELED" and payment.status != "SUCCEEDED":
        await payments.end(
            payment,
            status="CANCELED" if payment.open else payment.status,
            provider_ref=report.provider_ref,
        )
        await payments.stop_asking(payment.id)
        return "ENDED", ""
    if report.state != "SUCCEEDED" or payment.status in ("SUCCEEDED", "UNAPPLIED"):
        await payments.asked(payment.id, provider_ref=report.provider_ref)
        return "NOTHING", ""
    if (report.amount_minor, report.currency) != (payment.channel_minor, payment.currency):
        return await _give_back(report, payment, order, "WRONG_PAYMENT")
    if payment.purpose == "TOP_UP":
        await _top_up(report, payment)
        return "TOPPED_UP", ""
    assert order is not None
    return await _settle_or_give_back(report, payment, order)


async def _settle_or_give_back(
    report: ChannelReport, payment: Payment, order: Order
) -> tuple[Effect, str]:
    late = order.payment_status == "EXPIRED" or order.expired
    if order.payment_status == "PAID":
        return await _give_back(report, payment, order, "DOUBLE_PAYMENT")
    # A wallet part that was freed meanwhile may be spent: the channel's part alone pays nothing.
    if order.payment_status == "CANCELED" or (payment.wallet_minor and not payment.open):
        return await _give_back(report, payment, order, "LATE_PAYMENT")
    if late and not await _in_time_for_a_new_hold(order):
        return await _give_back(report, payment, order, "LATE_PAYMENT")
    try:
        async with db.savepoint():
            if not payment.open:
                await _end_what_replaced_it(order)
            await settle(order, payment, provider_ref=report.provider_ref)
    except (OutOfStock, delivery.CannotDeliver):
        return await _give_back(report, payment, order, "LATE_PAYMENT")
    return ("LATE_SETTLED" if late else "SETTLED"), ""


async def _end_what_replaced_it(order: Order) -> None:
    """A payment that was given up has paid after all: the open one frees what it holds."""
    for other in await payments.of_order(order.id):
        if other.open:
            await payments.end(other, status="SUPERSEDED")


async def _in_time_for_a_new_hold(order: Order) -> bool:
    deadline = order.expires_at + timedelta(seconds=settings().late_payment_seconds)
    in_time: bool = await db.fetch_value("select platform_now() < $1", deadline)
    return in_time


async def settle(order: Order, payment: Payment, *, provider_ref: str | None) -> None:
    """Make the order paid and delivered: keys sold, deliveries, split and state, all at once.

    Inside the caller's transaction with the order locked. Raises `OutOfStock` when a hold was
    lost and the same offer has no other keys at the same price.
    """
    lines = await records.lines_of(order.id)
    shares = await records.shares_of(order.id)
    await settle_known(order, lines, shares, payment, provider_ref=provider_ref)


async def settle_known(
    order: Order,
    lines: list[Line],
    shares: list[ShareRow],
    payment: Payment,
    *,
    provider_ref: str | None,
) -> None:
    """`settle` for rows that the transaction has just written itself."""
    lines = [await _sold(line, order) for line in lines]
    crash_point("settlement.sold")
    await delivery.deliver(order, lines, channel_minor=payment.channel_minor, fee_bp=payment.fee_bp)
    if payment.status != "SUCCEEDED":
        await payments.end(payment, status="SUCCEEDED", provider_ref=provider_ref)
    crash_point("settlement.delivered")
    await _post_sale(order, shares, payment)
    crash_point("settlement.posted")


async def _sold(line: Line, order: Order) -> Line:
    """Sell the line's held keys; if the hold was lost, hold the same offer's keys anew."""
    try:
        await pool.sell(line_id=line.id, key_ids=line.key_ids)
        return line
    except pool.HoldLost:
        # Whatever is still ours goes back first: a line's keys are held all or nothing.
        await pool.release(line_ids=[line.id], key_ids=line.key_ids)
        min_remaining_days: int = await db.fetch_value(
            "select min_remaining_days from skus where id = $1", line.sku_id
        )
        wanted = Wanted(line.id, line.supplier_listing_id, line.quantity, min_remaining_days)
        key_ids = tuple(await pool.hold(wanted, until=order.expires_at, patient=False))
        await pool.sell(line_id=line.id, key_ids=key_ids)
        await db.execute(
            "update order_lines set key_ids = $2 where id = $1", line.id, list(key_ids)
        )
        return replace(line, key_ids=key_ids)


async def _post_sale(order: Order, shares: list[ShareRow], payment: Payment) -> None:
    fee_minor = channel_fee_minor(amount_minor=payment.channel_minor, fee_bp=payment.fee_bp)
    captured = postings.captured(
        provider=payment.provider,
        currency=order.currency,
        channel_minor=payment.channel_minor,
        fee_minor=fee_minor,
        wallet=payments.wallet_account(payment),
        wallet_minor=payment.wallet_minor,
    )
    delivered = postings.delivered(
        currency=order.currency,
        shares=[(share.role, share.party_id, share.amount_minor) for share in shares],
        fee_minor=fee_minor,
        shop_id=order.tenant_id if len(order.path) > 1 else None,
    )
    await ledger.post(
        postings.sale(captured, delivered),
        kind="SALE",
        idempotency_key=f"sale:{order.id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )


async def _top_up(report: ChannelReport, payment: Payment) -> None:
    assert payment.customer_id is not None
    await payments.end(payment, status="SUCCEEDED", provider_ref=report.provider_ref)
    fee_minor = channel_fee_minor(amount_minor=payment.channel_minor, fee_bp=payment.fee_bp)
    await ledger.post(
        postings.topped_up(
            provider=payment.provider,
            wallet=accounts.wallet(payment.customer_id, payment.currency),
            amount_minor=payment.channel_minor,
            fee_minor=fee_minor,
        ),
        kind="TOP_UP",
        idempotency_key=f"top-up:{payment.id}",
        tenant_id=payment.tenant_id,
    )


async def _give_back(
    report: ChannelReport, payment: Payment, order: Order | None, reason: unapplied.Reason
) -> tuple[Effect, str]:
    """E13: money that pays for nothing is owed back in the moment in which it is noticed."""
    log.warning("payment_unapplied", reason=reason, payment=str(payment.id))
    await unapplied.owe_back(report, payment, order, reason=reason)
    return "REFUNDING", reason
