"""How a refund is written: its row, its postings, and every running total that bounds the next.

All of it inside the transaction of a use case in `refunds.py`, with the order locked.
"""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from billing import accounts, ledger, payments, trade_moves
from billing.ledger import Account, credit, debit, merged
from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from orders import clawback, funding, records
from orders.points_refunds import PointsBack, move_points
from orders.records import Funding, Line, Order
from orders.split import RefundTooLarge

Reason = Literal["UNREVEALED_RETURN", "SUPPLIER_FAULT", "SHOP_FAULT", "CHANGE_OF_MIND", "GOODWILL"]


async def write_refund(
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
    if amount_minor > line.paid_minor - line.refunded_minor:
        raise RefundTooLarge(
            "The refund is larger than what is left of the line.",
            field="amount",
            details={"left": line.paid_minor - line.refunded_minor},
        )
    # Goodwill is the shop's own decision: the goods stay sold, and so do the others' parts.
    to_funders = [] if reason == "GOODWILL" else funding.returned_parts(line, amount_minor)
    points = PointsBack()
    if reason != "GOODWILL":
        points = await move_points(refund_id, order, line, amount_minor, to_funders)
    taken = await _taken(order, line, amount_minor, reason, to_funders)
    channel_left = payment.channel_minor - payment.refunded_channel_minor
    channel_minor = min(amount_minor - points.withheld_minor, channel_left)
    wallet_minor = amount_minor - points.withheld_minor - channel_minor
    await _write_rows(
        refund_id,
        order,
        line,
        payment,
        taken,
        amount_minor,
        channel_minor,
        wallet_minor,
        reason,
        returned,
        to_funders,
    )
    back_to = payments.free_balance(payment) if wallet_minor else None
    on_credit = reason != "GOODWILL"
    await _post(
        refund_id,
        order,
        taken,
        amount_minor,
        back_to,
        wallet_minor,
        to_funders,
        points,
        on_credit=on_credit,
    )
    if order.refunded_minor + amount_minor == order.total_minor:
        await db.execute(_RELEASE_COUPONS, order.id)


# What the shop gave back out of goodwill stays sold, and whoever paid for its discount has paid:
# were its use given back, a shop could spend others' coupons on one buyer without end.
_RELEASE_COUPONS = """
select release_coupons($1, 'REFUNDED', platform_now())
where not exists (select from refunds where order_id = $1 and reason = 'GOODWILL')
"""


async def _taken(
    order: Order,
    line: Line,
    amount_minor: int,
    reason: Reason,
    to_funders: Sequence[tuple[Funding, int]],
) -> clawback.Reversal:
    if reason == "GOODWILL":
        return clawback.goodwill(order, amount_minor=amount_minor)
    shares = [share for share in await records.shares_of(order.id) if share.line_id == line.id]
    return clawback.reversal(
        line,
        shares,
        amount_minor=amount_minor,
        fault_of_supplier=reason == "SUPPLIER_FAULT",
        to_funders_minor=sum(part_minor for _, part_minor in to_funders),
    )


async def _succeeded_payment(order: Order) -> Payment:
    for payment in await payments.of_order(order.id):
        if payment.status == "SUCCEEDED":
            return payment
    raise AssertionError(f"order {order.no} is paid without a payment")


async def _note_returned(line: Line, returned: int) -> None:
    await db.execute(
        """update order_lines set returned_quantity = returned_quantity + $3
           where order_id = $1 and id = $2""",
        line.order_id,
        line.id,
        returned,
    )


_ROWS = """
with the_line as (
    update order_lines set refunded_minor = refunded_minor + $7::bigint,
           returned_quantity = returned_quantity + $11::integer
    where order_id = $3 and id = $4
), the_shares as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($12::uuid[], $13::bigint[]) as part (id, minor)
    where line_shares.order_id = $3 and line_shares.id = part.id
), the_discounts as (
    update discount_lines set returned_minor = returned_minor + part.minor
    from unnest($14::uuid[], $15::bigint[]) as part (id, minor)
    where discount_lines.order_id = $3 and discount_lines.id = part.id
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
                     wallet_minor, channel_minor, points_minor, reason, sequence, status,
                     next_attempt_at, done_at)
values ($1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint,
        $7::bigint - $8::bigint - $9::bigint, $10,
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
    wallet_minor: int,
    reason: Reason,
    returned: int,
    to_funders: Sequence[tuple[Funding, int]],
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
        wallet_minor,
        channel_minor,
        reason,
        returned,
        [share_id for share_id, _ in taken.by_share],
        [part for _, part in taken.by_share],
        [one.id for one, _ in to_funders],
        [part_minor for _, part_minor in to_funders],
    )


async def _post(
    refund_id: UUID,
    order: Order,
    taken: clawback.Reversal,
    amount_minor: int,
    back_to: Account | None,
    wallet_minor: int,
    to_funders: Sequence[tuple[Funding, int]],
    points: PointsBack,
    *,
    on_credit: bool,
) -> None:
    """Take from everybody what the refund takes; what is missing becomes a debt, if it may."""
    currency, posting_id = order.currency, new_id()
    taken, for_points = clawback.less_for_shop(taken, order, amount_minor=points.shops_minor)
    drawn_on = sorted(
        {
            account
            for claim in taken.claims
            if claim.party_id is not None
            for account in clawback.sources(claim, currency)
        },
        key=lambda account: account.id,
    )
    noted = [back_to] if order.at_cost and back_to is not None else []
    balances = await ledger.lock_balances([*drawn_on, *noted])
    held = dict(zip(drawn_on, balances, strict=False))
    if not on_credit and drawn_on and sum(held.values()) < amount_minor:
        raise ledger.InsufficientBalance(
            "The shop has not earned as much: an operator decides.",
            field="amount",
            details={"available": sum(held.values())},
        )
    due = accounts.refund_due(currency)
    entries = merged(clawback.drawn(taken.claims, currency=currency, held=held))
    entries += merged(
        [
            *(credit(funding.account_of(one, currency), minor) for one, minor in to_funders),
            debit(accounts.points(order.tenant_id, currency), points.taken_minor),
        ]
    )
    entries += for_points
    entries.append(credit(due, amount_minor))
    if points.withheld_minor:
        entries.append(debit(due, points.withheld_minor))
    if back_to is not None:
        entries.append(debit(due, wallet_minor))
        entries.append(credit(back_to, wallet_minor))
    for account in noted:
        back = trade_moves.move(
            posting_id=posting_id,
            account=account,
            kind="REFUND",
            amount_minor=wallet_minor,
            order_id=order.id,
        )
        await trade_moves.note(back, account=account)
    await ledger.post(
        entries,
        kind="E7_REFUND",
        idempotency_key=f"refund:{refund_id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
        posting_id=posting_id,
    )
