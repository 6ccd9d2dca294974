"""Making an order, looking at it, giving it up."""

from typing import Annotated
from uuid import UUID

import strawberry

from kernel.errors import NotFound
from orders import checkout, expiry, paying
from orders.queries import order_view, order_view_by_id, orders_page
from schema.context import Context, Info
from schema.delivery_modes import DeliveryMode
from schema.forms import FormValueInput, LineFormInput, forms_of, values_of
from schema.inputs import amount_in, wish_of
from schema.money import MoneyInput
from schema.order_types import Order, OrderConnection, order_connection, order_type
from schema.payment_methods import PaymentMethodCode
from schema.problems import Problem, Refusals


@strawberry.input
class OrderCreateInput:
    """`contact` is where messages go; `affiliateCode` thanks who brought the buyer,
    and so does `affiliateClick`, what the browser has kept of a link; `form` is what the buyer says
    for goods that ask for something."""

    quote_id: strawberry.ID
    idempotency_key: strawberry.ID
    contact: str | None = None
    affiliate_code: str | None = None
    affiliate_click: str | None = None
    form: list[LineFormInput] | None = None


@strawberry.input
class QuickBuyInput:
    """`expectedTotal` is the buyer's acceptance: another price is refused. With
    `payment: WALLET` the keys are there when this returns."""

    sku_id: strawberry.ID
    quantity: int
    expected_total: MoneyInput
    idempotency_key: strawberry.ID
    offer_id: strawberry.ID | None = None
    delivery_mode: DeliveryMode | None = None
    payment: PaymentMethodCode | None = None
    coupon_codes: list[str] | None = None
    redeem_points: int | None = None
    contact: str | None = None
    affiliate_code: str | None = None
    affiliate_click: str | None = None
    form: list[FormValueInput] | None = None


@strawberry.type
class OrderCreated:
    """The order; `guestToken` opens it for a buyer without an account, and is all that does."""

    order: Order
    guest_token: str | None


OrderCreatePayload = Annotated[OrderCreated | Problem, strawberry.union("OrderCreatePayload")]


@strawberry.input
class OrderRef:
    """An order by its number; a guest's needs its token."""

    order_no: str
    guest_token: str | None = None


@strawberry.type
class OrderChanged:
    """The order after the change."""

    order: Order


OrderPayload = Annotated[OrderChanged | Problem, strawberry.union("OrderPayload")]


async def order_by_id(context: Context, order_id: UUID, *, is_own: bool | None = None) -> Order:
    """Read an order that the caller has just changed."""
    view = await order_view_by_id(shop=context.shop, order_id=order_id)
    return order_type(view, context, is_own=is_own)


async def _created(context: Context, made: checkout.OrderMade) -> OrderCreated:
    """The answer, as it was written; a repeated request is shown its order as it is now."""
    if made.view is not None:
        order = order_type(made.view, context)
    else:
        order = await order_by_id(context, made.order_id)
    return OrderCreated(order=order, guest_token=made.guest_token)


@strawberry.type
class OrderQuery:
    """Orders."""

    @strawberry.field(description="An order of the caller's; null when there is no such order.")
    async def order(self, info: Info, no: str, guest_token: str | None = None) -> Order | None:
        """Read one order."""
        context = info.context
        try:
            view = await order_view(
                shop=context.shop, viewer=context.viewer(guest_token), order_no=no
            )
        except NotFound:
            return None
        return order_type(view, context, is_own=context.is_buyer or context.buys_at_cost)

    @strawberry.field(description="The signed-in customer's orders, the newest first.")
    async def orders(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OrderConnection:
        """Read a page of the caller's own orders."""
        context = info.context
        page = await orders_page(
            shop=context.shop, customer_id=context.customer_id, first=first, after=after
        )
        return order_connection(page, context)


@strawberry.type
class OrderMutation:
    """From the quote to the order."""

    @strawberry.mutation(
        description="Make an order and hold its keys.", extensions=[Refusals(asks_itself=True)]
    )
    async def order_create(self, info: Info, input: OrderCreateInput) -> OrderCreatePayload:
        """Make an order out of a quote."""
        context = info.context
        made = await checkout.create_order(
            shop=context.shop,
            buyer=context.buyer,
            quote_id=input.quote_id,
            contact=input.contact,
            affiliate_code=input.affiliate_code,
            click=input.affiliate_click,
            idempotency_key=input.idempotency_key,
            said=forms_of(input.form),
        )
        return await _created(context, made)

    @strawberry.mutation(
        description="Buy one SKU in one step.", extensions=[Refusals(asks_itself=True)]
    )
    async def quick_buy(self, info: Info, input: QuickBuyInput) -> OrderCreatePayload:
        """Make an order, and with the wallet pay and deliver it."""
        context = info.context
        total = amount_in(input.expected_total, context, field="expectedTotal")
        made = await paying.quick_buy(
            shop=context.shop,
            buyer=context.buyer,
            wish=wish_of(
                sku_id=input.sku_id,
                quantity=input.quantity,
                offer_id=input.offer_id,
                delivery_mode=input.delivery_mode,
            ),
            expected_total_minor=total,
            contact=input.contact,
            affiliate_code=input.affiliate_code,
            click=input.affiliate_click,
            method=input.payment.value if input.payment else None,
            idempotency_key=input.idempotency_key,
            coupon_codes=input.coupon_codes or (),
            redeem_points=input.redeem_points or 0,
            said=values_of(input.form) if input.form else None,
            ip=context.ip,
        )
        return await _created(context, made)

    @strawberry.mutation(description="Cancel an unpaid order.", extensions=[Refusals()])
    async def order_cancel(self, info: Info, input: OrderRef) -> OrderPayload:
        """Free the order's keys."""
        context = info.context
        order_id = await expiry.cancel_order(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
        )
        return OrderChanged(order=await order_by_id(context, order_id))
