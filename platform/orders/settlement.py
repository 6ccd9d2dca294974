"""What happens when a channel says that money has come: stop 7 of every sale.

Webhook, poller and the buyer's return all call `hear`. One transaction holds the event's row, the
payment, the keys, the deliveries and the postings, so that none of them is ever true alone.
Locks are taken in one order: order, payment, keys, accounts. What comes nearly always is one
statement, which is its own transaction; whatever that gives up is looked at in several.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from billing import accounts, ledger, payments, trade_moves
from billing.ledger import Account, Entry
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger
from kernel.settings import settings
from orders import funding, news, postings, records, settling, unapplied
from orders.deposits import arriving
from orders.instalments import rows as instalment_rows
from orders.plan_payments import arriving as instalments
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
    payment, is_heard = await payments.find_by_report(report)
    if payment is None:
        log.warning("payment_unknown", provider=report.provider, kind=report.kind)
        return Heard("NOTHING")
    if is_heard:
        return Heard("NOTHING", payment.tenant_id, payment.order_id)
    heard = await _hear_at_once(report, payment)
    if heard is None:
        async with db.transaction(db.core_scope(payment.tenant_id)):
            heard = await _hear_locked(report, payment)
            crash_point("settlement.recorded")
    crash_point("settlement.committed")
    if heard.order_id is not None and heard.effect != "NOTHING":
        await news.order_changed(payment.tenant_id, heard.order_id)
    return heard


async def _hear_at_once(report: ChannelReport, payment: Payment) -> Heard | None:
    """What comes nearly always, in one statement: the whole amount for an order that waits for it,
    or a word that changes nothing. None for all else, with nothing written."""
    if not payment.open or payment.order_id is None:
        return None
    if report.state == "PENDING" and payment.is_known_as(report.provider_ref):
        await payments.record_nothing(report, payment)
        return Heard("NOTHING", payment.tenant_id, payment.order_id)
    if report.state != "SUCCEEDED" or not _is_what_was_asked(report, payment):
        return None
    order = await records.payable_order(payment.tenant_id, payment.order_id)
    crash_point("settlement.found")
    if order is None or not await settling.settle_at_once(payment, order, report):
        return None
    return Heard("SETTLED", payment.tenant_id, payment.order_id)


def _is_what_was_asked(report: ChannelReport, payment: Payment) -> bool:
    """Whether the channel speaks of this payment's only intent, and of its amount."""
    return payment.provider_ref in (None, *report.refs) and (
        report.amount_minor,
        report.currency,
    ) == (payment.channel_minor, payment.currency)


@dataclass(frozen=True, slots=True)
class _Applied:
    """What was done. The statement that settles an order notes the event itself."""

    effect: Effect
    note: str = ""
    is_recorded: bool = False


async def _hear_locked(report: ChannelReport, found: Payment) -> Heard:
    order_id = await instalment_rows.order_of(found)
    order = await records.locked_order(order_id) if order_id else None
    payment, is_heard = await payments.locked_by_report(report)
    if order is None:
        # Only the order's lock makes sure that nobody was heard while we waited for the payment's.
        is_heard = await payments.heard_before(report)
    crash_point("settlement.locked")
    nothing = Heard("NOTHING", found.tenant_id, order_id)
    if payment is None or is_heard:
        return nothing
    applied = await _apply(report, payment, order)
    if not applied.is_recorded:
        await payments.record(
            report, payment_id=payment.id, effect=applied.effect, note=applied.note
        )
    return replace(nothing, effect=applied.effect)


async def _apply(report: ChannelReport, payment: Payment, order: Order | None) -> _Applied:
    if payment.provider_ref not in (None, *report.refs):
        # A second intent for one payment should not exist. Its money is nobody's yet: it is
        # written down for the operator, and nothing is delivered for it.
        log.error("payment_of_another_intent", payment=str(payment.id), kind=report.kind)
        return _Applied("REFUSED", f"another intent: {report.provider_ref}")
    if report.state == "CANCELED" and payment.status not in ("SUCCEEDED", "UNAPPLIED"):
        await payments.end(
            payment,
            status="CANCELED" if payment.open else payment.status,
            provider_ref=report.provider_ref,
        )
        await payments.stop_asking(payment.id)
        return _Applied("ENDED")
    if report.state != "SUCCEEDED" or payment.status in ("SUCCEEDED", "UNAPPLIED"):
        await payments.asked(payment.id, provider_ref=report.provider_ref)
        return _Applied("NOTHING")
    if (report.amount_minor, report.currency) != (payment.channel_minor, payment.currency):
        return await _give_back(report, payment, order, "WRONG_PAYMENT")
    if payment.purpose == "INSTALMENT":
        unfit = await instalments.settle_from_channel(payment, order, report.provider_ref)
        return await _give_back(report, payment, None, unfit) if unfit else _Applied("SETTLED")
    if payment.purpose == "TOP_UP":
        await _top_up(report, payment)
        return _Applied("TOPPED_UP")
    if payment.purpose == "TRADE_TOP_UP":
        await _top_up_trade(report, payment)
        return _Applied("TOPPED_UP")
    if payment.purpose == "DEPOSIT_TOP_UP":
        await arriving.settle_top_up(report, payment)
        return _Applied("TOPPED_UP")
    assert order is not None
    return await _settle_or_give_back(report, payment, order)


async def _settle_or_give_back(report: ChannelReport, payment: Payment, order: Order) -> _Applied:
    late = order.payment_status == "EXPIRED" or order.expired
    if order.payment_status == "PAID":
        return await _give_back(report, payment, order, "DOUBLE_PAYMENT")
    # A wallet part that was freed meanwhile may be spent: the channel's part alone pays nothing.
    if order.payment_status == "CANCELED" or (payment.wallet_minor and not payment.open):
        return await _give_back(report, payment, order, "LATE_PAYMENT")
    if late and not await _in_time_for_a_new_hold(order):
        return await _give_back(report, payment, order, "LATE_PAYMENT")
    effect: Effect = "LATE_SETTLED" if late else "SETTLED"
    lines, shares = await records.lines_and_shares(order.id)
    crash_point("settlement.read")
    settled = payment.open and await _settled(report, payment, order, lines, shares, effect)
    if not settled:
        try:
            async with db.savepoint():
                await _settle_anew(report, payment, order, lines, shares, effect)
        except (OutOfStock, settling.HoldLost, funding.CouponGone):
            return await _give_back(report, payment, order, "LATE_PAYMENT")
    crash_point("settlement.settled")
    return _Applied(effect, is_recorded=True)


async def _settled(
    report: ChannelReport,
    payment: Payment,
    order: Order,
    lines: list[Line],
    shares: list[ShareRow],
    effect: Effect,
) -> bool:
    sale = settling.sale_of(order, lines, shares, payment)
    return await settling.settle_from_channel(sale, lines, report, effect=effect)


async def _settle_anew(
    report: ChannelReport,
    payment: Payment,
    order: Order,
    lines: list[Line],
    shares: list[ShareRow],
    effect: Effect,
) -> None:
    """Settle an order whose keys were lost, or with a payment that had been given up.

    Raises `OutOfStock` when the same offer has no other keys, `CouponGone` when a coupon is used
    up meanwhile.
    """
    if not payment.open:
        await _end_what_replaced_it(order)
    if order.payment_status == "EXPIRED":
        await funding.take_anew(order, lines)
    lines = await held_anew(order, lines)
    if not await _settled(report, payment, order, lines, shares, effect):
        raise settling.HoldLost


async def held_anew(order: Order, lines: list[Line]) -> list[Line]:
    """The lines with keys that are held for them; where a hold was lost, with others.

    The others are of the same offer and cost the same. Raises `OutOfStock`.
    """
    return [await _held(line, order) for line in lines]


async def _held(line: Line, order: Order) -> Line:
    if await pool.is_held(line_id=line.id, key_ids=line.key_ids):
        return line
    # Whatever is still ours goes back first: a line's keys are held all or nothing.
    await pool.release(line_ids=[line.id], key_ids=line.key_ids)
    min_remaining_days: int = await db.fetch_value(
        "select min_remaining_days from skus where id = $1", line.sku_id
    )
    wanted = Wanted(line.id, line.supplier_listing_id, line.quantity, min_remaining_days)
    key_ids = tuple(await pool.hold(wanted, until=order.expires_at, patient=False))
    await db.execute(
        "update order_lines set key_ids = $3 where order_id = $1 and id = $2",
        line.order_id,
        line.id,
        list(key_ids),
    )
    return replace(line, key_ids=key_ids)


async def _end_what_replaced_it(order: Order) -> None:
    """A payment that was given up has paid after all: the open one frees what it holds."""
    for other in await payments.of_order(order.id):
        if other.open:
            await payments.end(other, status="SUPERSEDED")


async def _in_time_for_a_new_hold(order: Order) -> bool:
    deadline = order.expires_at + timedelta(seconds=settings().late_payment_seconds)
    in_time: bool = await db.fetch_value("select platform_now() < $1", deadline)
    return in_time


async def _top_up(report: ChannelReport, payment: Payment) -> None:
    assert payment.customer_id is not None
    await payments.end(payment, status="SUCCEEDED", provider_ref=report.provider_ref)
    await ledger.post(
        _topped_up(payment, accounts.wallet(payment.customer_id, payment.currency)),
        kind="TOP_UP",
        idempotency_key=f"top-up:{payment.id}",
        tenant_id=payment.tenant_id,
    )


async def _top_up_trade(report: ChannelReport, payment: Payment) -> None:
    await payments.end(payment, status="SUCCEEDED", provider_ref=report.provider_ref)
    balance = accounts.trade(payment.tenant_id, payment.currency)
    await trade_moves.credit(
        account=balance,
        amount_minor=payment.channel_minor,
        kind="TOP_UP",
        entries=_topped_up(payment, balance),
        idempotency_key=f"top-up:{payment.id}",
    )


def _topped_up(payment: Payment, balance: Account) -> list[Entry]:
    return postings.topped_up(
        provider=payment.provider,
        wallet=balance,
        amount_minor=payment.channel_minor,
        fee_minor=channel_fee_minor(amount_minor=payment.channel_minor, fee_bp=payment.fee_bp),
    )


async def _give_back(
    report: ChannelReport, payment: Payment, order: Order | None, reason: unapplied.Reason
) -> _Applied:
    """E13: money that pays for nothing is owed back in the moment in which it is noticed."""
    log.warning("payment_unapplied", reason=reason, payment=str(payment.id))
    await unapplied.owe_back(
        report, payment, order if payment.order_id is not None else None, reason=reason
    )
    return _Applied("REFUNDING", reason)
