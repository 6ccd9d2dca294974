"""Buying: quote, order, payment, keys, returns. Each resolver translates and calls one use case."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from kernel import db, valkey
from kernel.errors import Invalid, NotFound
from kernel.ids import parse_id, public_id
from offers import quotes
from offers.quotes import Quote as SignedQuote
from offers.quotes import Wish
from orders import checkout, expiry, export, news, paying, refunds, reveal
from orders.queries import order_view, order_view_by_id, orders_page
from schema.context import Context, Info, caller_of
from schema.money import Money, MoneyInput, amount
from schema.order_types import (
    Order,
    OrderConnection,
    RevealedKey,
    order_connection,
    order_type,
    revealed_key,
)
from schema.payment_methods import PaymentMethodCode
from schema.problems import Problem, Refusals


@strawberry.input
class QuoteLineInput:
    """What to price; `offerId` where the buyer chooses among sellers."""

    sku_id: strawberry.ID
    quantity: int
    offer_id: strawberry.ID | None = None


@strawberry.input
class QuoteInput:
    """1 to 20 lines."""

    lines: list[QuoteLineInput]


@strawberry.type
class QuoteLine:
    """One line with its price; the offer is chosen and stays."""

    sku_id: strawberry.ID
    offer_id: strawberry.ID
    quantity: int
    unit_price: Money
    total: Money


@strawberry.type(description="A signed price. `id` is the acceptance that `orderCreate` takes.")
class Quote:
    """Good until `expiresAt`."""

    id: strawberry.ID
    lines: list[QuoteLine]
    total: Money
    expires_at: datetime


QuotePayload = Annotated[Quote | Problem, strawberry.union("QuotePayload")]


@strawberry.input
class OrderCreateInput:
    """`contact` is where messages go; `affiliateCode` thanks who brought the buyer."""

    quote_id: strawberry.ID
    idempotency_key: strawberry.ID
    contact: str | None = None
    affiliate_code: str | None = None


@strawberry.input
class QuickBuyInput:
    """`expectedTotal` is the buyer's acceptance: another price is refused. With
    `payment: WALLET` the keys are there when this returns."""

    sku_id: strawberry.ID
    quantity: int
    expected_total: MoneyInput
    idempotency_key: strawberry.ID
    offer_id: strawberry.ID | None = None
    payment: PaymentMethodCode | None = None
    contact: str | None = None
    affiliate_code: str | None = None


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


@strawberry.input
class PaymentStartInput:
    """`walletAmount` is taken from the wallet, the rest through `method`."""

    order_no: str
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    guest_token: str | None = None
    wallet_amount: MoneyInput | None = None
    return_path: str | None = None


@strawberry.type
class PaymentStarted:
    """Where the buyer goes on: `actionUrl`, or the channel's own script with `clientSecret`."""

    payment_id: strawberry.ID
    status: str
    action_url: str | None
    client_secret: str | None


PaymentStartPayload = Annotated[
    PaymentStarted | Problem, strawberry.union("PaymentStartPayload")
]


@strawberry.input
class KeyRevealInput:
    """All keys of the order, or the named ones."""

    order_no: str
    guest_token: str | None = None
    delivered_key_ids: list[strawberry.ID] | None = None


@strawberry.type
class KeysRevealed:
    """The keys in the clear."""

    keys: list[RevealedKey]


KeyRevealPayload = Annotated[KeysRevealed | Problem, strawberry.union("KeyRevealPayload")]


@strawberry.enum
class ExportFormat(Enum):
    """TXT: a key a line. CSV: a table, safe against formulas."""

    TXT = "TXT"
    CSV = "CSV"


@strawberry.input
class KeysExportInput:
    """An order and a format."""

    order_no: str
    format: ExportFormat
    guest_token: str | None = None


@strawberry.type
class KeysExported:
    """A file: its name and its text."""

    file_name: str
    content: str


KeysExportPayload = Annotated[KeysExported | Problem, strawberry.union("KeysExportPayload")]


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
    """Whose fault it was; that decides who also pays the channel's lost fee."""

    SUPPLIER_FAULT = "SUPPLIER_FAULT"
    SHOP_FAULT = "SHOP_FAULT"
    CHANGE_OF_MIND = "CHANGE_OF_MIND"


@strawberry.input
class RefundCreateInput:
    """A refund of a part of a line, or of all that is left of it."""

    order_no: str
    line_id: strawberry.ID
    amount: MoneyInput
    reason: RefundReason
    idempotency_key: strawberry.ID


@strawberry.type
class OrderEvent:
    """The order as it is now; `cursor` grows, a lost event is made good by the next."""

    cursor: int
    order: Order


def _wish(line: QuoteLineInput | QuickBuyInput) -> Wish:
    offer_id = parse_id("ofr", line.offer_id, field="offerId") if line.offer_id else None
    return Wish(parse_id("sku", line.sku_id, field="skuId"), line.quantity, offer_id)


def _amount_in(money: MoneyInput, context: Context, *, field: str) -> int:
    if money.currency != context.shop.currency:
        raise Invalid(f"This shop sells in {context.shop.currency}.", field=field)
    return money.amount_minor


def _return_url(context: Context, path: str | None) -> str:
    """Back to this shop and nowhere else: only a path of it is taken from the client."""
    local = path if path and path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
    return f"{context.origin}{local}"


def _quote_type(quote: SignedQuote) -> Quote:
    return Quote(
        id=strawberry.ID(quote.id),
        lines=[
            QuoteLine(
                sku_id=strawberry.ID(public_id("sku", line.sku.id)),
                offer_id=strawberry.ID(public_id("ofr", line.offer.id)),
                quantity=line.quantity,
                unit_price=amount(line.offer.unit_price_minor, quote.currency),
                total=amount(line.total_minor, quote.currency),
            )
            for line in quote.lines
        ],
        total=amount(quote.total_minor, quote.currency),
        expires_at=quote.expires_at,
    )


async def _order_by_id(context: Context, order_id: UUID) -> Order:
    async with db.transaction(context.core(), read_only=True):
        view = await order_view_by_id(shop=context.shop, order_id=order_id)
    return order_type(view, context)


async def _created(context: Context, made: checkout.OrderMade) -> OrderCreated:
    return OrderCreated(
        order=await _order_by_id(context, made.order_id), guest_token=made.guest_token
    )


@strawberry.type
class OrderQuery:
    """Prices and orders."""

    @strawberry.field(description="A signed price for these lines.", extensions=[Refusals()])
    async def quote(self, info: Info, input: QuoteInput) -> QuotePayload:
        """This function will price and sign."""
        context = info.context
        wishes = [_wish(line) for line in input.lines]
        async with db.transaction(context.core(), read_only=True):
            quote = await quotes.quote(context.shop, wishes)
        return _quote_type(quote)

    @strawberry.field(description="An order of the caller's; null when there is no such order.")
    async def order(
        self, info: Info, no: str, guest_token: str | None = None
    ) -> Order | None:
        """This function will read one order."""
        context = info.context
        try:
            async with db.transaction(context.core(), read_only=True):
                view = await order_view(
                    shop=context.shop, viewer=context.viewer(guest_token), order_no=no
                )
        except NotFound:
            return None
        return order_type(view, context)

    @strawberry.field(description="The signed-in customer's orders, the newest first.")
    async def orders(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OrderConnection:
        """This function will read a page of the caller's own orders."""
        context = info.context
        async with db.transaction(context.core(), read_only=True):
            page = await orders_page(
                shop=context.shop, customer_id=context.customer_id, first=first, after=after
            )
        return order_connection(page, context)


@strawberry.type
class OrderMutation:
    """Everything that a buyer does."""

    @strawberry.mutation(description="Make an order and hold its keys.", extensions=[Refusals()])
    async def order_create(self, info: Info, input: OrderCreateInput) -> OrderCreatePayload:
        """This function will make an order out of a quote."""
        context = info.context
        made = await checkout.create_order(
            shop=context.shop,
            buyer=context.buyer,
            quote_id=input.quote_id,
            contact=input.contact,
            affiliate_code=input.affiliate_code,
            idempotency_key=input.idempotency_key,
        )
        return await _created(context, made)

    @strawberry.mutation(description="Buy one SKU in one step.", extensions=[Refusals()])
    async def quick_buy(self, info: Info, input: QuickBuyInput) -> OrderCreatePayload:
        """This function will make an order, and with the wallet pay and deliver it."""
        context = info.context
        total = _amount_in(input.expected_total, context, field="expectedTotal")
        made = await paying.quick_buy(
            shop=context.shop,
            buyer=context.buyer,
            wish=_wish(input),
            expected_total_minor=total,
            contact=input.contact,
            affiliate_code=input.affiliate_code,
            method=input.payment.value if input.payment else None,
            idempotency_key=input.idempotency_key,
        )
        return await _created(context, made)

    @strawberry.mutation(description="Cancel an unpaid order.", extensions=[Refusals()])
    async def order_cancel(self, info: Info, input: OrderRef) -> OrderPayload:
        """This function will free the order's keys."""
        context = info.context
        order_id = await expiry.cancel_order(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
        )
        return OrderChanged(order=await _order_by_id(context, order_id))

    @strawberry.mutation(description="Start paying an order.", extensions=[Refusals()])
    async def payment_start(self, info: Info, input: PaymentStartInput) -> PaymentStartPayload:
        """This function will hold the wallet's part and ask the channel for the rest."""
        context = info.context
        wallet = input.wallet_amount
        started = await paying.start_payment(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            method=input.method.value,
            wallet_minor=_amount_in(wallet, context, field="walletAmount") if wallet else 0,
            return_url=_return_url(context, input.return_path),
            idempotency_key=input.idempotency_key,
        )
        return payment_started(started)

    @strawberry.mutation(
        description="Ask the channel now: the buyer is back.", extensions=[Refusals()]
    )
    async def payment_refresh(self, info: Info, input: OrderRef) -> OrderPayload:
        """This function will apply what the channel says."""
        context = info.context
        order_id = await paying.refresh_payment(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
        )
        return OrderChanged(order=await _order_by_id(context, order_id))

    @strawberry.mutation(description="Open delivered keys.", extensions=[Refusals()])
    async def key_reveal(self, info: Info, input: KeyRevealInput) -> KeyRevealPayload:
        """This function will show keys and keep who saw them."""
        context = info.context
        ids = input.delivered_key_ids
        _, keys = await reveal.reveal_keys(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            delivered_key_ids=None
            if ids is None
            else [parse_id("dky", text, field="deliveredKeyIds") for text in ids],
            witness=context.witness,
        )
        return KeysRevealed(keys=[revealed_key(key) for key in keys])

    @strawberry.mutation(description="All keys of an order as a file.", extensions=[Refusals()])
    async def keys_export(self, info: Info, input: KeysExportInput) -> KeysExportPayload:
        """This function will open all keys and write them into one text."""
        context = info.context
        order, keys = await reveal.reveal_keys(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            delivered_key_ids=None,
            witness=context.witness,
            channel="EXPORT",
        )
        as_csv = input.format is ExportFormat.CSV
        content = export.as_csv(keys) if as_csv else export.as_text(keys)
        name = f"{order.no}.{input.format.value.lower()}"
        return KeysExported(file_name=name, content=content)

    @strawberry.mutation(
        description="Give back keys that nobody has opened.", extensions=[Refusals()]
    )
    async def unrevealed_return(self, info: Info, input: UnrevealedReturnInput) -> OrderPayload:
        """This function will take unopened keys back and pay for them."""
        context = info.context
        order_id = await refunds.return_unrevealed(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            quantity=input.quantity,
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await _order_by_id(context, order_id))

    @strawberry.mutation(
        description="Refund a line: the shop's finance staff.", extensions=[Refusals()]
    )
    async def refund_create(self, info: Info, input: RefundCreateInput) -> OrderPayload:
        """This function will refund by the shop's decision."""
        context = info.context
        order_id = await refunds.refund_line(
            shop=context.shop,
            actor=context.actor,
            order_no=input.order_no,
            line_id=parse_id("lin", input.line_id, field="lineId"),
            amount_minor=_amount_in(input.amount, context, field="amount"),
            reason=input.reason.value,
            idempotency_key=input.idempotency_key,
        )
        return OrderChanged(order=await _order_by_id(context, order_id))


def payment_started(started: paying.PaymentStarted) -> PaymentStarted:
    """This function will put a started payment into the schema's words."""
    return PaymentStarted(
        payment_id=strawberry.ID(public_id("pay", started.payment_id)),
        status=started.status,
        action_url=started.action_url,
        client_secret=started.client_secret,
    )


LOOK_AGAIN_SECONDS = 2.0


@strawberry.type
class OrderSubscription:
    """Orders while they change."""

    @strawberry.subscription(description="An order each time it changes, and once at the start.")
    async def order_updated(
        self, info: Info, order_no: str, guest_token: str | None = None
    ) -> AsyncIterator[OrderEvent]:
        """This function will send the order whenever its version has grown.

        Before every event the caller is authenticated and the order looked up anew: a token that
        was revoked, or an order that is not the caller's, ends it.
        """
        context = info.context
        seen = 0
        order_id: UUID | None = None
        listener: valkey.Listener | None = None
        try:
            while True:
                context.caller = await caller_of(context.token, context.shop)
                async with db.transaction(context.core(), read_only=True):
                    view = await order_view(
                        shop=context.shop,
                        viewer=context.viewer(guest_token),
                        order_no=order_no,
                    )
                if view.version > seen:
                    seen = view.version
                    yield OrderEvent(cursor=seen, order=order_type(view, context))
                if listener is None:
                    order_id = view.id
                    listener = valkey.Listener(news.channel(context.shop.id, order_id))
                await listener.wait(LOOK_AGAIN_SECONDS)
        finally:
            if listener is not None:
                await listener.close()
