"""Giving back: unopened keys by the buyer, money by the shop's decision."""

from collections.abc import Iterable
from enum import Enum

import strawberry

from kernel.errors import Forbidden, Invalid
from kernel.ids import parse_id
from orders import refunds
from orders.refunds import LineRefund, Reason
from schema.context import Context, Info
from schema.inputs import amount_in
from schema.money import MoneyInput
from schema.orders import OrderChanged, OrderPayload, order_by_id
from schema.problems import Refusals


@strawberry.enum
class RefundDestination(Enum):
    """CHANNEL: money goes back where it came from. WALLET: a customer has asked for it in the
    wallet, at once."""

    CHANNEL = "CHANNEL"
    WALLET = "WALLET"


@strawberry.input
class UnrevealedReturnInput:
    """All unopened keys of the line, or so many."""

    order_no: str
    line_id: strawberry.ID
    idempotency_key: strawberry.ID
    guest_token: str | None = None
    quantity: int | None = None
    destination: RefundDestination = RefundDestination.CHANNEL


@strawberry.enum
class RefundReason(Enum):
    """GOODWILL: the shop pays all, out of what it has earned. CHANGE_OF_MIND: nothing was opened,
    and all that is left of the line goes back, its keys too. A fault decides who else pays: that is
    for operators."""

    GOODWILL = "GOODWILL"
    SUPPLIER_FAULT = "SUPPLIER_FAULT"
    SHOP_FAULT = "SHOP_FAULT"
    CHANGE_OF_MIND = "CHANGE_OF_MIND"


_FAULTS = (RefundReason.SUPPLIER_FAULT, RefundReason.SHOP_FAULT)


@strawberry.input
class RefundCreateInput:
    """A refund of a part of a line, or of all that is left of it."""

    order_no: str
    line_id: strawberry.ID
    amount: MoneyInput
    reason: RefundReason
    idempotency_key: strawberry.ID
    destination: RefundDestination = RefundDestination.CHANNEL


@strawberry.input
class LineRefundInput:
    """So much of a line, or without an amount all that is left of it."""

    line_id: strawberry.ID
    reason: RefundReason
    amount: MoneyInput | None = None


@strawberry.input
class OrderRefundInput:
    """Lines, each with its reason, or a reason for all that is left of the order."""

    order_no: str
    idempotency_key: strawberry.ID
    reason: RefundReason | None = None
    lines: list[LineRefundInput] | None = None
    destination: RefundDestination = RefundDestination.CHANNEL


@strawberry.type
class RefundMutation:
    """Returns and refunds."""

    @strawberry.mutation(
        description="Give back keys that nobody has opened.", extensions=[Refusals()]
    )
    async def unrevealed_return(self, info: Info, input: UnrevealedReturnInput) -> OrderPayload:
        """Take unopened keys back and pay for them."""
        context = info.context
        order_id = await refunds.return_unrevealed(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            quantity=input.quantity,
            idempotency_key=input.idempotency_key,
            destination=input.destination.value,
        )
        return OrderChanged(order=await order_by_id(context, order_id))

    @strawberry.mutation(
        description="Refund a line: the shop's finance staff, or an operator.",
        extensions=[Refusals()],
    )
    async def refund_create(self, info: Info, input: RefundCreateInput) -> OrderPayload:
        """Refund by the shop's own decision, or an operator's."""
        context = info.context
        _require_decider(context, [input.reason])
        order_id = await refunds.refund_line(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            amount_minor=amount_in(input.amount, context, field="amount"),
            reason=input.reason.value,
            idempotency_key=input.idempotency_key,
            destination=input.destination.value,
        )
        return OrderChanged(order=await order_by_id(context, order_id))

    @strawberry.mutation(
        description="Refund lines or a whole order at once: finance staff, or an operator.",
        extensions=[Refusals()],
    )
    async def order_refund(self, info: Info, input: OrderRefundInput) -> OrderPayload:
        """Refund all that was decided, or nothing."""
        context = info.context
        wishes = _wishes(context, input)
        order_id = await refunds.refund_order(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            wishes=wishes,
            idempotency_key=input.idempotency_key,
            destination=input.destination.value,
        )
        return OrderChanged(order=await order_by_id(context, order_id))


def _require_decider(context: Context, reasons: Iterable[RefundReason]) -> None:
    if not context.is_operator and any(reason in _FAULTS for reason in reasons):
        raise Forbidden("An operator decides whose fault it was.", field="reason")


def _wishes(context: Context, input: OrderRefundInput) -> Reason | list[LineRefund]:
    """What was decided: about each line, or about all of them alike."""
    if (input.lines is None) == (input.reason is None):
        raise Invalid("A refund names lines, or a reason for all of them.", field="lines")
    if input.lines is None:
        assert input.reason is not None
        _require_decider(context, [input.reason])
        return input.reason.value
    if len(input.lines) > refunds.MOST_LINES:
        raise Invalid(f"At most {refunds.MOST_LINES} lines at once.", field="lines")
    _require_decider(context, [line.reason for line in input.lines])
    return [
        LineRefund(
            parse_id("lin", line.line_id, field="lineId"),
            amount_in(line.amount, context, field="amount") if line.amount else None,
            line.reason.value,
        )
        for line in input.lines
    ]
