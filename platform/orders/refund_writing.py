"""How a refund is written: its row, its postings, and every running total that bounds the next.

All of it inside the transaction of a use case in `refunds.py`, with the order locked.
"""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from billing import accounts, ledger, payments
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from orders import clawback, funding, records
from orders.disputed import refuse_while_disputed
from orders.earnings import noting
from orders.points_refunds import PointsBack, move_points
from orders.records import Funding, Line, Order
from orders.refund_posting import post_refund
from orders.split import RefundTooLarge

Reason = Literal[
    "UNREVEALED_RETURN",
    "SUPPLIER_FAULT",
    "SHOP_FAULT",
    "CHANGE_OF_MIND",
    "GOODWILL",
    "INSPECTION",
]
Written = Reason | Literal["FAST_REFUND"]
Destination = Literal["CHANNEL", "WALLET"]
"""Where the channel's part of a refund goes: back to the channel, or to the buyer's wallet."""
OF_SUPPLIER: Final = ("SUPPLIER_FAULT", "INSPECTION")
"""Reasons for which the supplier bears the channel's fee."""


async def write_refund(
    refund_id: UUID,
    order: Order,
    line: Line,
    amount_minor: int,
    reason: Reason,
    *,
    returned: int = 0,
    destination: Destination = "CHANNEL",
    batch_id: UUID | None = None,
) -> None:
    """The refund's row, its postings and every running total that bounds the next one.

    Raises `RefundTooLarge`, `Invalid` where nobody has a wallet, `InsufficientBalance`.
    """
    if amount_minor == 0:
        # Everything was refunded before; the keys come back all the same.
        await _note_returned(line, returned)
        return
    payment = await succeeded_payment(order)
    await refuse_while_disputed(order.id)
    if amount_minor > line.paid_minor - line.refunded_minor:
        raise RefundTooLarge(
            "The refund is larger than what is left of the line.",
            field="amount",
            details={"left": line.paid_minor - line.refunded_minor},
        )
    # Goodwill is the shop's own decision: the goods stay sold, and so do the others' parts.
    earned = [] if reason == "GOODWILL" else await noting.lock_earnings(order.id, [line.id])
    to_funders = [] if reason == "GOODWILL" else funding.returned_parts(line, amount_minor)
    points = PointsBack()
    if reason != "GOODWILL":
        points = await move_points(refund_id, order, line, amount_minor, to_funders)
    taken = await _taken(order, line, amount_minor, reason, to_funders)
    to_pay_minor = amount_minor - points.withheld_minor
    channel_minor = _channel_minor(order, payment, to_pay_minor, destination)
    wallet_minor = to_pay_minor - channel_minor
    await write_rows(
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
        destination,
        batch_id,
    )
    back_to = payments.free_balance(payment) if wallet_minor else None
    on_credit = reason != "GOODWILL"
    await post_refund(
        refund_id,
        order,
        taken,
        earned,
        amount_minor,
        back_to,
        wallet_minor,
        to_funders,
        points,
        on_credit=on_credit,
    )
    if order.refunded_minor + amount_minor == order.total_minor:
        await release_coupons_of(order)


def _channel_minor(
    order: Order, payment: Payment, to_pay_minor: int, destination: Destination
) -> int:
    """How much of a refund goes to the channel, in minor units; the rest is the wallet's."""
    if destination == "CHANNEL":
        return min(to_pay_minor, payment.channel_minor - payment.refunded_channel_minor)
    if order.customer_id is None:
        raise Invalid("Only a customer has a wallet.", field="destination")
    return 0


# What the shop gave back out of goodwill stays sold, and whoever paid for its discount has paid:
# were its use given back, a shop could spend others' coupons on one buyer without end.
_RELEASE_COUPONS = """
select release_coupons($1, 'REFUNDED', platform_now())
where not exists (select from refunds where order_id = $1 and reason = 'GOODWILL')
"""


async def release_coupons_of(order: Order) -> None:
    """Give the uses of an order's coupons back: all of its money has gone back."""
    await db.execute(_RELEASE_COUPONS, order.id)


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
        fault_of_supplier=reason in OF_SUPPLIER,
        to_funders_minor=sum(part_minor for _, part_minor in to_funders),
    )


async def lock_for_all(order: Order, lines: Sequence[Line]) -> None:
    """Lock what the refunds of several lines of a locked order will lock one after the other: what
    they have earned, then the customer, then all accounts, in the order of every refund."""
    earned = await noting.lock_earnings(order.id, [line.id for line in lines])
    if order.customer_id is not None:
        await db.execute(
            "select from customers where tenant_id = $1 and id = $2 for no key update",
            order.tenant_id,
            order.customer_id,
        )
    found = {
        account
        for row in earned
        for account in (row.pending, row.held, row.available, row.debt, row.deposit)
    }
    if order.at_cost:
        found.add(accounts.trade(order.tenant_id, order.currency))
    await ledger.lock_balances(sorted(found, key=lambda account: account.id))


async def succeeded_payment(order: Order) -> Payment:
    """The payment that has paid a paid order."""
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
           aftersale_status = case when aftersale_status = 'CHARGED_BACK' then 'CHARGED_BACK'
                                   when $9::bigint > 0 then 'REFUNDING'
                                   when refunded_minor + $7::bigint = total_minor then 'REFUNDED'
                                   when aftersale_status = 'REFUNDING' then 'REFUNDING'
                                   else 'PARTIALLY_REFUNDED' end
    where id = $3
)
insert into refunds (id, tenant_id, order_id, line_id, payment_id, currency, amount_minor,
                     wallet_minor, channel_minor, points_minor, reason, sequence, status,
                     next_attempt_at, done_at, destination, batch_id)
values ($1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint,
        $7::bigint - $8::bigint - $9::bigint, $10,
        (select coalesce(max(sequence), 0) + 1 from refunds where order_id = $3),
        case when $9::bigint > 0 then 'DUE' else 'DONE' end,
        case when $9::bigint > 0 then platform_now() end,
        case when $9::bigint = 0 then platform_now() end, $16, $17)
"""


async def write_rows(
    refund_id: UUID,
    order: Order,
    line: Line,
    payment: Payment,
    taken: clawback.Reversal,
    amount_minor: int,
    channel_minor: int,
    wallet_minor: int,
    reason: Written,
    returned: int,
    to_funders: Sequence[tuple[Funding, int]],
    destination: Destination,
    batch_id: UUID | None,
) -> None:
    """Write a refund's row, and add it to every running total."""
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
        destination,
        batch_id,
    )
