"""Refunds of delivered goods: what the buyer gets back, and who gives it (E7).

The buyer returns keys that nobody has opened, and gets them paid back; the same keys can be sold
again. Everything else is decided by the shop's staff or an operator. Money goes back where it
came from: first to the channel, as far as the channel's part reaches, then to the wallet.
"""

from typing import Literal
from uuid import UUID

from billing import accounts, ledger, payments
from billing.ledger import credit, debit, merged
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import clawback, idempotency, news, records
from orders.records import Line, Order, Viewer
from orders.split import RefundTooLarge
from supply import pool
from tenants.directory import Shop

Reason = Literal["UNREVEALED_RETURN", "SUPPLIER_FAULT", "SHOP_FAULT", "CHANGE_OF_MIND", "GOODWILL"]


class AlreadyRevealed(Refusal):
    """The key has been seen: it is used goods and does not come back."""

    code = "ALREADY_REVEALED"


async def return_unrevealed(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    line_id: UUID,
    quantity: int | None,
    idempotency_key: str,
) -> UUID:
    """Give back keys that nobody has opened, and their money; all of the line's, or so many.

    Returns the order's id.
    Raises `AlreadyRevealed` when fewer are unopened, `NotFound`, `Invalid`.
    """
    idempotency.require_key(idempotency_key, guest=viewer.customer_id is None)
    actor = f"return:{viewer.customer_id or order_no}"
    content = {"order": order_no, "line": line_id, "quantity": quantity}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        # The result is the order: keys of a line that was refunded before come back without money.
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            line = await _line(order, line_id)
            returned = await _take_back(order, line, quantity)
            in_hand = line.quantity - line.returned_quantity
            # A piece brings its price, as far as that was not refunded; the last takes the rest.
            left_minor = line.net_minor - line.refunded_minor
            at_price_minor = min(line.unit_price_minor * returned, left_minor)
            amount_minor = left_minor if returned == in_hand else at_price_minor
            await _write(
                new_id(), order, line, amount_minor, "UNREVEALED_RETURN", returned=returned
            )
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def refund_line(
    *,
    shop: Shop,
    actor: str,
    order_no: str,
    line_id: UUID,
    amount_minor: int,
    reason: Reason,
    idempotency_key: str,
) -> UUID:
    """Refund a part of a line, or all that is left of it.

    A fault is an operator's decision, because others pay for it; with GOODWILL the shop pays all,
    out of what it has earned. The caller has checked that `actor` may decide so. Returns the
    order's id. Raises `RefundTooLarge`, `NotFound`, `Invalid`, `AlreadyRevealed` for a change of
    mind about opened keys, `InsufficientBalance` when the shop has not earned as much.
    """
    idempotency.require_key(idempotency_key, guest=False)
    content = {
        "order": order_no,
        "line": line_id,
        "amount": amount_minor,
        "reason": reason,
    }
    request = idempotency.Request(shop.id, f"refund:{actor}", idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, Viewer(whole_shop=True), lock=True)
        refund_id = new_id()
        claim = await idempotency.claim(request, kind="REFUND", result_id=refund_id)
        if claim.first:
            line = await _line(order, line_id)
            if amount_minor < 1:
                raise Invalid("A refund is at least one minor unit.", field="amount")
            if reason == "CHANGE_OF_MIND":
                await _require_unopened(line)
            await _write(refund_id, order, line, amount_minor, reason)
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def _line(order: Order, line_id: UUID) -> Line:
    if order.payment_status != "PAID":
        raise Invalid("This order is not paid: there is nothing to give back.", field="orderNo")
    for line in await records.lines_of(order.id):
        if line.id == line_id:
            return line
    raise NotFound("There is no such line in this order.", field="lineId")


async def _require_unopened(line: Line) -> None:
    """A change of mind ends where a key has been seen (domain 4, E7)."""
    opened: int = await db.fetch_value(
        """select count(*) from delivered_keys
           where line_id = $1 and returned_at is null and revealed_at is not null""",
        line.id,
    )
    if opened:
        raise AlreadyRevealed(
            f"{opened} keys of this line have been opened.",
            field="reason",
            details={"revealed": opened},
        )


async def _take_back(order: Order, line: Line, quantity: int | None) -> int:
    """Put unopened keys of the line back into the pool; returns how many."""
    rows = await db.fetch(
        """select id, key_id from delivered_keys
           where line_id = $1 and tenant_id = $2 and returned_at is null and revealed_at is null
           order by id for update""",
        line.id,
        order.tenant_id,
    )
    wanted = len(rows) if quantity is None else quantity
    if wanted < 1 and quantity is not None:
        raise Invalid("At least one key comes back.", field="quantity")
    if wanted < 1 or len(rows) < wanted:
        raise AlreadyRevealed(
            f"Only {len(rows)} keys of this line are unopened.",
            field="quantity",
            details={"unrevealed": len(rows)},
        )
    chosen = rows[:wanted]
    await db.execute(
        "update delivered_keys set returned_at = platform_now() where id = any ($1)",
        [row["id"] for row in chosen],
    )
    await pool.take_back(line_id=line.id, key_ids=sorted(row["key_id"] for row in chosen))
    return wanted


async def _write(
    refund_id: UUID,
    order: Order,
    line: Line,
    amount_minor: int,
    reason: Reason,
    *,
    returned: int = 0,
) -> None:
    """The refund's row, its postings and every running total that bounds the next one."""
    if amount_minor == 0:
        # Everything was refunded before; the keys come back all the same.
        await _note_returned(line, returned)
        return
    payment = await _succeeded_payment(order)
    if amount_minor > line.net_minor - line.refunded_minor:
        raise RefundTooLarge(
            "The refund is larger than what is left of the line.",
            field="amount",
            details={"left": line.net_minor - line.refunded_minor},
        )
    taken = await _taken(order, line, amount_minor, reason)
    channel_left = payment.channel_minor - payment.refunded_channel_minor
    channel_minor = min(amount_minor, channel_left)
    wallet_minor = amount_minor - channel_minor
    await _write_rows(
        refund_id, order, line, payment, taken, amount_minor, channel_minor, reason, returned
    )
    on_credit = reason != "GOODWILL"
    await _post(refund_id, order, taken, amount_minor, wallet_minor, on_credit=on_credit)


async def _taken(order: Order, line: Line, amount_minor: int, reason: Reason) -> clawback.Reversal:
    if reason == "GOODWILL":
        return clawback.goodwill(order, amount_minor=amount_minor)
    shares = [share for share in await records.shares_of(order.id) if share.line_id == line.id]
    return clawback.reversal(
        line, shares, amount_minor=amount_minor, fault_of_supplier=reason == "SUPPLIER_FAULT"
    )


async def _succeeded_payment(order: Order) -> Payment:
    for payment in await payments.of_order(order.id):
        if payment.status == "SUCCEEDED":
            return payment
    raise AssertionError(f"order {order.no} is paid without a payment")


async def _note_returned(line: Line, returned: int) -> None:
    await db.execute(
        "update order_lines set returned_quantity = returned_quantity + $2 where id = $1",
        line.id,
        returned,
    )


_ROWS = """
with the_line as (
    update order_lines set refunded_minor = refunded_minor + $7::bigint,
           returned_quantity = returned_quantity + $11::integer
    where id = $4
), the_shares as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($12::uuid[], $13::bigint[]) as part (id, minor)
    where line_shares.id = part.id
), the_payment as (
    update payments set refunded_channel_minor = refunded_channel_minor + $9::bigint where id = $5
), the_order as (
    update orders set refunded_minor = refunded_minor + $7::bigint, version = version + 1,
           aftersale_status = case when $9::bigint > 0 then 'REFUNDING'
                                   when refunded_minor + $7::bigint = total_minor then 'REFUNDED'
                                   when aftersale_status = 'REFUNDING' then 'REFUNDING'
                                   else 'PARTIALLY_REFUNDED' end
    where id = $3
)
insert into refunds (id, tenant_id, order_id, line_id, payment_id, currency, amount_minor,
                     wallet_minor, channel_minor, reason, sequence, status, next_attempt_at,
                     done_at)
values ($1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint, $10,
        (select coalesce(max(sequence), 0) + 1 from refunds where order_id = $3),
        case when $9::bigint > 0 then 'DUE' else 'DONE' end,
        case when $9::bigint > 0 then platform_now() end,
        case when $9::bigint = 0 then platform_now() end)
"""


async def _write_rows(
    refund_id: UUID,
    order: Order,
    line: Line,
    payment: Payment,
    taken: clawback.Reversal,
    amount_minor: int,
    channel_minor: int,
    reason: Reason,
    returned: int,
) -> None:
    await db.execute(
        _ROWS,
        refund_id,
        order.tenant_id,
        order.id,
        line.id,
        payment.id,
        order.currency,
        amount_minor,
        amount_minor - channel_minor,
        channel_minor,
        reason,
        returned,
        [share_id for share_id, _ in taken.by_share],
        [part for _, part in taken.by_share],
    )


async def _post(
    refund_id: UUID,
    order: Order,
    taken: clawback.Reversal,
    amount_minor: int,
    wallet_minor: int,
    *,
    on_credit: bool,
) -> None:
    """Take from everybody what the refund takes; what is missing becomes a debt, if it may."""
    currency = order.currency
    drawn_on = sorted(
        {
            account
            for claim in taken.claims
            if claim.party_id is not None
            for account in clawback.sources(claim, currency)
        },
        key=lambda account: account.id,
    )
    held = dict(zip(drawn_on, await ledger.lock_balances(drawn_on), strict=True))
    if not on_credit and drawn_on and sum(held.values()) < amount_minor:
        raise ledger.InsufficientBalance(
            "The shop has not earned as much: an operator decides.",
            field="amount",
            details={"available": sum(held.values())},
        )
    due = accounts.refund_due(currency)
    entries = merged(clawback.drawn(taken.claims, currency=currency, held=held))
    entries.append(credit(due, amount_minor))
    if wallet_minor:
        assert order.customer_id is not None
        entries.append(debit(due, wallet_minor))
        entries.append(credit(accounts.wallet(order.customer_id, currency), wallet_minor))
    await ledger.post(
        entries,
        kind="E7_REFUND",
        idempotency_key=f"refund:{refund_id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )
