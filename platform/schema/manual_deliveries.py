"""The desk of who delivers by hand, and what the buyer does about it."""

from typing import Annotated

import strawberry

from kernel.cursors import MAX_PAGE
from kernel.errors import Invalid
from kernel.ids import parse_id
from orders.manual import buyer, desk, listing
from orders.manual.desk import Delivery
from orders.manual.tasks import Deliverer
from schema.context import Context, Info
from schema.forms import FormAnswer, FormValueInput, form_answer, values_of
from schema.manual_types import (
    ManualDelivery,
    ManualDeliveryConnection,
    ManualState,
    delivery_connection,
    delivery_type,
)
from schema.orders import OrderChanged, OrderPayload, order_by_id
from schema.problems import Problem, Refusals
from supply.places import declare_places


@strawberry.input
class ManualBeginInput:
    """The line to begin with, or to go on with."""

    line_id: strawberry.ID


@strawberry.input
class ManualDeliverInput:
    """`contents` has one text for each piece, which the buyer opens like a key; of a top-up it is
    empty. `note` is for the buyer."""

    line_id: strawberry.ID
    contents: list[str]
    idempotency_key: strawberry.ID
    note: str | None = None


@strawberry.input
class ManualCorrectionAskInput:
    """Which fields the buyer shall say anew, and why."""

    line_id: strawberry.ID
    fields: list[str]
    message: str


@strawberry.input
class ManualRefuseInput:
    """Why it cannot be delivered; the buyer reads it, and gets the money back."""

    line_id: strawberry.ID
    reason: str
    idempotency_key: strawberry.ID


@strawberry.input
class StockDeclareInput:
    """How many pieces of a listing by hand can be bought from now on."""

    listing_id: strawberry.ID
    quantity: int


@strawberry.input
class OrderLineCorrectInput:
    """A value for each field that was asked for."""

    order_no: str
    line_id: strawberry.ID
    values: list[FormValueInput]
    guest_token: str | None = None


@strawberry.input
class OrderLineCancelInput:
    """A line that nobody has begun to deliver, or of which the buyer is asked something."""

    order_no: str
    line_id: strawberry.ID
    idempotency_key: strawberry.ID
    guest_token: str | None = None


@strawberry.type(description="What the buyer has said. Who read it, when and from where is kept.")
class ManualBegun:
    """Empty where the goods ask for nothing."""

    form: list[FormAnswer] = strawberry.field(metadata={"assumed_size": 2})


@strawberry.type
class ManualChanged:
    """The delivery after the change."""

    delivery: ManualDelivery


@strawberry.type
class StockDeclared:
    """How many pieces are free now."""

    listing_id: strawberry.ID
    quantity: int


ManualBeginPayload = Annotated[ManualBegun | Problem, strawberry.union("ManualBeginPayload")]
ManualPayload = Annotated[ManualChanged | Problem, strawberry.union("ManualPayload")]
StockDeclarePayload = Annotated[StockDeclared | Problem, strawberry.union("StockDeclarePayload")]


@strawberry.type
class ManualQuery:
    """What waits at the desk."""

    @strawberry.field(
        description="What the caller delivers by hand: what is open, or what is in one state."
    )
    async def manual_deliveries(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        state: ManualState | None = None,
    ) -> ManualDeliveryConnection:
        """Read a page of deliveries, the soonest due first."""
        context = info.context
        page = await listing.deliveries_page(
            _deliverer(context), state=state.value if state else None, first=first, after=after
        )
        return delivery_connection(page, context)


@strawberry.type
class ManualMutation:
    """Delivering by hand."""

    @strawberry.mutation(
        description="Begin to deliver, and read what the buyer has said.", extensions=[Refusals()]
    )
    async def manual_begin(self, info: Info, input: ManualBeginInput) -> ManualBeginPayload:
        """From now on the buyer cannot cancel; each reading is kept as evidence."""
        context = info.context
        line_id = parse_id("lin", input.line_id, field="lineId")
        answers = await desk.begin(_deliverer(context), line_id)
        return ManualBegun(form=[form_answer(answer, context) for answer in answers])

    @strawberry.mutation(
        description="Deliver a line that the caller has begun.", extensions=[Refusals()]
    )
    async def manual_deliver(self, info: Info, input: ManualDeliverInput) -> ManualPayload:
        """Hand over, or say that it was topped up."""
        context = info.context
        line_id = parse_id("lin", input.line_id, field="lineId")
        if len(input.contents) > desk.MOST_CONTENTS:
            raise Invalid(f"At most {desk.MOST_CONTENTS} at once.", field="contents")
        await desk.deliver(
            _deliverer(context),
            line_id,
            delivery=Delivery.of(input.contents, input.note),
            idempotency_key=input.idempotency_key,
        )
        return await _changed(context, input.line_id)

    @strawberry.mutation(
        description="Ask the buyer to say something anew; the clock stands still.",
        extensions=[Refusals()],
    )
    async def manual_correction_ask(
        self, info: Info, input: ManualCorrectionAskInput
    ) -> ManualPayload:
        """Give a line back to its buyer."""
        context = info.context
        line_id = parse_id("lin", input.line_id, field="lineId")
        if len(input.fields) > MAX_PAGE:
            raise Invalid(f"At most {MAX_PAGE} at once.", field="fields")
        await desk.ask_correction(
            _deliverer(context), line_id, fields=input.fields, message=input.message
        )
        return await _changed(context, input.line_id)

    @strawberry.mutation(
        description="Say that a line cannot be delivered; its money goes back.",
        extensions=[Refusals()],
    )
    async def manual_refuse(self, info: Info, input: ManualRefuseInput) -> ManualPayload:
        """Give a line up."""
        context = info.context
        line_id = parse_id("lin", input.line_id, field="lineId")
        await desk.refuse(
            _deliverer(context),
            line_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
        )
        return await _changed(context, input.line_id)

    @strawberry.mutation(
        description="Say how many pieces the caller can deliver by hand.", extensions=[Refusals()]
    )
    async def stock_declare(self, info: Info, input: StockDeclareInput) -> StockDeclarePayload:
        """Open or close places of a listing."""
        caller = info.context.caller
        assert caller is not None  # the role × field table lets only suppliers in
        free = await declare_places(
            listing_id=parse_id("ofr", input.listing_id, field="listingId"),
            supplier_id=caller.principal_id,
            quantity=input.quantity,
        )
        return StockDeclared(listing_id=input.listing_id, quantity=free)

    @strawberry.mutation(
        description="Say anew what was asked; the delivery goes on.", extensions=[Refusals()]
    )
    async def order_line_correct(self, info: Info, input: OrderLineCorrectInput) -> OrderPayload:
        """Correct what was said for a line."""
        context = info.context
        order_id = await buyer.correct(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            values=values_of(input.values),
            witness=context.witness,
        )
        return OrderChanged(order=await order_by_id(context, order_id, is_own=True))

    @strawberry.mutation(
        description="Cancel a paid line that nobody has begun to deliver.",
        extensions=[Refusals()],
    )
    async def order_line_cancel(self, info: Info, input: OrderLineCancelInput) -> OrderPayload:
        """Give a line up in time, for all of its money."""
        context = info.context
        order_id = await buyer.cancel_line(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            witness=context.witness,
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await order_by_id(context, order_id, is_own=True))


def _deliverer(context: Context) -> Deliverer:
    """A supplier, who delivers its own; or an operator, who may deliver for each."""
    assert context.caller is not None  # the role × field table lets only these two in
    supplier_id = None if context.is_operator else context.caller.principal_id
    return Deliverer(supplier_id, context.shop.path[0], context.witness)


async def _changed(context: Context, line_id: strawberry.ID) -> ManualChanged:
    wanted = parse_id("lin", line_id, field="lineId")
    row = await listing.one_delivery(_deliverer(context), wanted)
    return ManualChanged(delivery=delivery_type(row, context))
