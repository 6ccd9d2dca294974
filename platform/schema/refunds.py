"""Giving back: unopened keys by the buyer, money by the shop's decision."""

from enum import Enum

import strawberry

from kernel.errors import Forbidden
from kernel.ids import parse_id
from orders import refunds
from schema.context import Info
from schema.inputs import amount_in
from schema.money import MoneyInput
from schema.orders import OrderChanged, OrderPayload, order_by_id
from schema.problems import Refusals


@strawberry.input
class UnrevealedReturnInput:
    """All unopened keys of the line, or so many."""

    order_no: str
    line_id: strawberry.ID
    idempotency_key: strawberry.ID
    guest_token: str | None = None
    quantity: int | None = None


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
        )
        return OrderChanged(order=await order_by_id(context, order_id))

    @strawberry.mutation(
        description="Refund a line: the shop's finance staff, or an operator.",
        extensions=[Refusals()],
    )
    async def refund_create(self, info: Info, input: RefundCreateInput) -> OrderPayload:
        """Refund by the shop's own decision, or an operator's."""
        context = info.context
        if input.reason in _FAULTS and not context.is_operator:
            raise Forbidden("An operator decides whose fault it was.", field="reason")
        order_id = await refunds.refund_line(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            amount_minor=amount_in(input.amount, context, field="amount"),
            reason=input.reason.value,
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await order_by_id(context, order_id))
