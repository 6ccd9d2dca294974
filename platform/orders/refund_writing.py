"""How a refund is written: its row, its postings, and every running total that bounds the next.

All of it inside the transaction of a use case in `refunds.py`, with the order locked.
"""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from billing import accounts, ledger, payments
from billing.ledger import Account
from billing.payment_methods import INSTALMENT, METHODS
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from orders import clawback, funding, records, refund_rows
from orders.disputed import refuse_while_disputed
from orders.earnings import noting
from orders.instalments import forgiving, releasing, rows
from orders.points_refunds import PointsBack, move_points
from orders.records import Funding, Line, Order
from orders.refund_posting import post_refund
from orders.refund_rows import RefundRow
from orders.split import RefundTooLarge

Reason = Literal[
    "UNREVEALED_RETURN",
    "SUPPLIER_FAULT",
    "SHOP_FAULT",
    "CHANGE_OF_MIND",
    "GOODWILL",
    "INSPECTION",
]
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
    await forgiving.require_refundable(order, line, payment)
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
    row = RefundRow(
        id=refund_id,
        reason=reason,
        amount_minor=amount_minor,
        channel_minor=channel_minor,
        wallet_minor=wallet_minor,
        returned=returned,
        by_share=taken.by_share,
        to_funders=to_funders,
        destination=destination,
        batch_id=batch_id,
    )
    await refund_rows.write(order, line, payment, row)
    backs = await _backs(order, payment, wallet_minor)
    on_credit = reason != "GOODWILL"
    await post_refund(
        refund_id,
        order,
        taken,
        earned,
        amount_minor,
        backs,
        to_funders,
        points,
        on_credit=on_credit,
    )
    await _go_on_with_plan(order, payment)
    if order.refunded_minor + amount_minor == order.total_minor:
        await release_coupons_of(order)


async def _backs(order: Order, payment: Payment, wallet_minor: int) -> list[tuple[Account, int]]:
    """Where that goes which no channel gets back, each account with its part."""
    if payment.method == INSTALMENT:
        return await forgiving.given_back(order, payment, wallet_minor)
    return [(payments.free_balance(payment), wallet_minor)] if wallet_minor else []


async def _go_on_with_plan(order: Order, payment: Payment) -> None:
    """What a refund has forgiven need not be paid: it may be all that was missing."""
    plan = await rows.locked_plan(order.id) if payment.method == INSTALMENT else None
    if plan is not None and plan.state == "OPEN":
        await releasing.go_on(order, plan)


def _channel_minor(
    order: Order, payment: Payment, to_pay_minor: int, destination: Destination
) -> int:
    """How much of a refund goes to the channel, in minor units; the rest is the wallet's."""
    if destination == "WALLET":
        if order.customer_id is None:
            raise Invalid("Only a customer has a wallet.", field="destination")
        return 0
    channel_minor = min(to_pay_minor, payment.channel_minor - payment.refunded_channel_minor)
    method = METHODS.get(payment.method)
    step_minor = method.step_minor(order.currency) if method is not None else 1
    odd_minor = channel_minor % step_minor
    if odd_minor and order.customer_id is None:
        raise Invalid(f"The channel gives back multiples of {step_minor}.", field="amount")
    return channel_minor - odd_minor  # what it cannot give is the customer's in the wallet


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
