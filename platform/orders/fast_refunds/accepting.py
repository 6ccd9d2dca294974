"""A claim within the guarantee is accepted: the buyer is paid before anything is decided.

The supplier lays it out, from the deposit first. What the line has earned everybody is held until
it is decided, keys that were seen are void, and keys that nobody has opened go back as they always
do. A line is claimed once, and its money goes back once: the claim takes all that is left of it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from billing import debts, ledger, payments
from billing.payment_methods import INSTALMENT
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.settings import settings
from orders import idempotency, news, records, refund_rows, refund_writing, refunds
from orders.clawback import Claim
from orders.deposits import stopping, whose
from orders.disputed import refuse_while_disputed
from orders.earnings import drawing, holding
from orders.earnings import rows as earning_rows
from orders.earnings.drawing import Drawing
from orders.fast_refunds import postings
from orders.fast_refunds.rows import FastRefund, Kind, by_line
from orders.manual.tasks import refuse_if_waiting
from orders.records import Line, Order, Viewer
from orders.refund_rows import RefundRow
from supply import pool
from tenants.directory import Shop


class WindowClosed(Refusal):
    """The guarantee has ended: a ticket is the way from now on."""

    code = "SLA_WINDOW_CLOSED"


_SINCE: Final[dict[Kind, str]] = {
    "MISSING": "select paid_at from orders where id = $1 and $2::uuid is not null",
    "INVALID": """select coalesce(
                      (select min(delivered_at) from delivered_keys
                       where order_id = $1 and line_id = $2 and replaced_by is null),
                      (select ended_at from manual_deliveries where line_id = $2))""",
}


async def accept(
    *, shop: Shop, actor: str, order_no: str, line_id: UUID, kind: Kind, idempotency_key: str
) -> FastRefund:
    """Pay a buyer for a line whose keys are missing or invalid, out of the supplier's deposit.

    Raises `WindowClosed`, `NotFound`, `IdempotencyConflict`, and `Invalid` for what was refunded or
    claimed before, is not delivered yet, or was bought at cost.
    """
    idempotency.require_key(idempotency_key, guest=False)
    content = {"fast refund": order_no, "line": line_id, "kind": kind}
    request = idempotency.Request(shop.id, f"refund:{actor}", idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, Viewer(whole_shop=True), lock=True)
        claim = await idempotency.claim(request, kind="REFUND", result_id=new_id())
        if claim.first:
            line = await refunds.line_of(order, line_id)
            await _require_claimable(order, line, kind)
            line, void = await _void_what_was_seen(order, line)
            await _pay(order, line, kind, void=void, refund_id=claim.result_id, actor=actor)
            crash_point("fast_refund.written")
        accepted = await by_line(line_id)
    assert accepted is not None
    crash_point("fast_refund.committed")
    await news.order_changed(shop.id, order.id)
    return accepted


async def _require_claimable(order: Order, line: Line, kind: Kind) -> None:
    await refuse_if_waiting(line)
    await refuse_while_disputed(order.id)
    if order.at_cost:
        raise Invalid("What a shop has bought itself is refunded by an operator.", field="orderNo")
    if line.paid_minor == line.refunded_minor or await by_line(line.id) is not None:
        raise Invalid("Nothing of this line is left to refund.", field="lineId")
    within = timedelta(minutes=settings().fast_refund_minutes)
    is_open: bool = await db.fetch_value(
        f"select coalesce(platform_now() < ({_SINCE[kind]}) + $3::interval, false)",
        order.id,
        line.id,
        within,
    )
    if not is_open:
        raise WindowClosed("The time for a fast refund is over.", field="lineId")


async def _void_what_was_seen(order: Order, line: Line) -> tuple[Line, int]:
    """Take unopened keys back as a return of their own, and void the others; the line as it is
    then, and how many are void. Of keys that nobody has opened nobody knows that they are bad."""
    seen = await db.fetch(
        """select delivered.key_id, delivered.revealed_at is not null as is_seen
           from delivered_keys delivered
           where delivered.order_id = $1 and delivered.line_id = $2 and returned_at is null""",
        order.id,
        line.id,
    )
    if not seen:
        return line, 0  # an account was topped up, or so it says
    if not any(row["is_seen"] for row in seen):
        raise Invalid("Nobody has opened these keys: give them back.", field="lineId")
    if not all(row["is_seen"] for row in seen):
        await refunds.return_all_unopened(order, line)
        line = await refunds.line_of(order, line.id)
    void = [row["key_id"] for row in seen if row["is_seen"]]
    await pool.void(line_id=line.id, key_ids=void)
    return line, len(void)


async def _pay(
    order: Order, line: Line, kind: Kind, *, void: int, refund_id: UUID, actor: str
) -> None:
    claim_id, posting_id = new_id(), new_id()
    await holding.hold(order.id, line.id, claim_id, "FAST_REFUND")
    order = await records.locked_order(order.id)
    amount_minor = line.paid_minor - line.refunded_minor
    payment = await refund_writing.succeeded_payment(order)
    if payment.method == INSTALMENT:
        raise Invalid("What is paid in parts is refunded by an operator.", field="orderNo")
    channel_minor = min(amount_minor, payment.channel_minor - payment.refunded_channel_minor)
    supplier_id = await _supplier_of(line)
    supplier = await whose.supplier_inside(supplier_id)
    row = RefundRow(
        id=refund_id,
        reason="FAST_REFUND",
        amount_minor=amount_minor,
        channel_minor=channel_minor,
        wallet_minor=amount_minor - channel_minor,
        returned=void,
    )
    await refund_rows.write(order, line, payment, row)
    laid_out = await _laid_out(supplier_id, order.currency, amount_minor)
    await _post(laid_out, order, payment, refund_id, posting_id, amount_minor, channel_minor)
    await _insert(order, line, kind, claim_id, supplier_id, refund_id, posting_id, actor)
    await stopping.follow(supplier)


async def _supplier_of(line: Line) -> UUID:
    """Whose keys the buyer has. Raises `Invalid` where a replacement has made that several."""
    rows = await db.fetch(
        """select distinct supplier_id from supplier_listings
           where id = $3 and not exists (select from key_replacements
                                         where order_id = $1 and line_id = $2)
              or id in (select key.supplier_listing_id
                        from delivered_keys handed join keys key on key.id = handed.key_id
                        where handed.order_id = $1 and handed.line_id = $2
                          and handed.returned_at is null)""",
        line.order_id,
        line.id,
        line.supplier_listing_id,
    )
    if len(rows) != 1:
        raise Invalid("These keys are of several suppliers: refund the line.", field="lineId")
    supplier_id: UUID = rows[0]["supplier_id"]
    return supplier_id


async def _laid_out(supplier_id: UUID, currency: str, amount_minor: int) -> Drawing:
    """What the supplier lays out: the deposit, then what is available, then what is pending; what
    none of it covers, the platform lays out for a debt."""
    claim = Claim(supplier_id, "SUPPLY", amount_minor, at_once=True)
    balances, _ = await debts.lock_balances_and_debts(
        sorted(drawing.sources(claim, currency), key=lambda account: account.id), []
    )
    return drawing.draw_all([claim], currency=currency, held=balances)


async def _post(
    laid_out: Drawing,
    order: Order,
    payment: Payment,
    refund_id: UUID,
    posting_id: UUID,
    amount_minor: int,
    channel_minor: int,
) -> None:
    wallet_minor = amount_minor - channel_minor
    entries = postings.paid(
        laid_out.entries,
        currency=order.currency,
        amount_minor=amount_minor,
        back_to=payments.free_balance(payment) if wallet_minor else None,
        wallet_minor=wallet_minor,
    )
    await ledger.post(
        entries,
        kind="E8_FAST_REFUND",
        idempotency_key=f"fast-refund:{refund_id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
        posting_id=posting_id,
    )
    await earning_rows.write_ahead(laid_out.ahead)


async def _insert(
    order: Order,
    line: Line,
    kind: Kind,
    claim_id: UUID,
    supplier_id: UUID,
    refund_id: UUID,
    posting_id: UUID,
    actor: str,
) -> None:
    await db.execute(
        """insert into fast_refunds (tenant_id, id, order_id, line_id, supplier_id, customer_id,
                                     kind, currency, amount_minor, refund_id, accepted_by,
                                     accepted_at, accepted_posting, decide_by)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, platform_now(), $12,
                   platform_now() + $13::interval)""",
        order.tenant_id,
        claim_id,
        order.id,
        line.id,
        supplier_id,
        order.customer_id,
        kind,
        order.currency,
        line.paid_minor - line.refunded_minor,
        refund_id,
        actor,
        posting_id,
        timedelta(hours=settings().fast_refund_decide_hours),
    )


def before(claim: FastRefund, line: Line) -> Line:
    """The line as it was when the claim took all that was left of it."""
    return replace(line, refunded_minor=line.refunded_minor - claim.amount_minor)
