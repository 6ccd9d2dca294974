"""Orders as GraphQL types."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from orders.queries import KeyView, LineView, OrderPage, OrderView
from orders.reveal import RevealedKey as OpenedKey
from schema.connections import PageInfo
from schema.context import Context
from schema.delivery_modes import DeliveryMode
from schema.forms import FormAnswer, form_answer
from schema.manual_types import ManualProgress, progress_type
from schema.money import Money, amount
from schema.payment_methods import PaymentMethodOption, offered_methods
from schema.transfers import BankTransferDetails, transfer_type


@strawberry.enum
class OrderStatus(Enum):
    """The one rolled-up status of an order. FULFILLING: a person delivers it. NEEDS_CORRECTION: who
    delivers asks the buyer. PARTIALLY_DELIVERED: the rest is waited for."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    PAID = "PAID"
    FULFILLING = "FULFILLING"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"
    SUPPLY_FAILED = "SUPPLY_FAILED"
    REFUNDING = "REFUNDING"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CHARGED_BACK = "CHARGED_BACK"


@strawberry.type(description="A key that was delivered; `keyReveal` opens it.")
class DeliveredKey:
    """`commitment` is SHA-256(salt || key): fixed before the sale, verifiable after the reveal.
    `replacedBy` is the key that the buyer has for this one, which was bad: from `returnedAt` on."""

    id: strawberry.ID
    serial: str
    commitment: str
    delivered_at: datetime
    revealed_at: datetime | None
    returned_at: datetime | None
    replaced_by: strawberry.ID | None = None


@strawberry.type
class OrderLine:
    """One line; `total` is what the buyer pays, `discount` what coupons have taken off the price.
    `commitments` are those of the held keys, shown before the payment, too. `form` is what its
    buyer has said for it."""

    id: strawberry.ID
    sku_id: strawberry.ID
    product_slug: str
    name: str
    quantity: int
    unit_price: Money
    total: Money
    discount: Money
    refunded: Money
    returned_quantity: int
    commitments: list[str]
    keys: list[DeliveredKey]
    delivery_mode: DeliveryMode
    manual: ManualProgress | None = strawberry.field(
        description="How far it is, where a person delivers."
    )
    form: list[FormAnswer] = strawberry.field(metadata={"assumed_size": 2})


@strawberry.type
class Order:
    """One order. `version` grows with every change."""

    id: strawberry.ID
    no: str
    status: OrderStatus
    total: Money
    refunded: Money
    version: int
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    lines: list[OrderLine] = strawberry.field(metadata={"assumed_size": 3})
    payment_methods: list[PaymentMethodOption] = strawberry.field(
        description="The ways to pay that take the order's total; none when it is not waiting.",
        metadata={"assumed_size": 5},
    )
    transfer: BankTransferDetails | None = strawberry.field(
        description="What to transfer, while the order waits for a bank transfer."
    )


@strawberry.type
class OrderEdge:
    """An order and the cursor that continues after it."""

    cursor: str
    node: Order


@strawberry.type
class OrderConnection:
    """A page of orders, the newest first."""

    edges: list[OrderEdge]
    page_info: PageInfo


@strawberry.type(description="A key in the clear. Who opened it, when and from where is kept.")
class RevealedKey:
    """Anybody can check that SHA-256(salt || secret) is the commitment."""

    id: strawberry.ID
    line_id: strawberry.ID
    name: str
    serial: str
    secret: str
    salt: str
    commitment: str
    expires_at: datetime | None
    revealed_at: datetime


def order_type(view: OrderView, context: Context, *, is_own: bool | None = None) -> Order:
    """Put an order into the schema's words; `is_own` says whether the caller is its buyer, where
    that is not whoever buys in the shop."""
    is_own = context.is_buyer if is_own is None else is_own
    return Order(
        id=strawberry.ID(public_id("ord", view.id)),
        no=view.no,
        status=OrderStatus(view.status),
        total=amount(view.total_minor, view.currency),
        refunded=amount(view.refunded_minor, view.currency),
        version=view.version,
        created_at=view.created_at,
        expires_at=view.expires_at,
        paid_at=view.paid_at,
        delivered_at=view.delivered_at,
        lines=[_line(line, view.currency, context, is_own=is_own) for line in view.lines],
        payment_methods=(
            offered_methods(context, amount_minor=view.total_minor)
            if view.status == OrderStatus.PENDING_PAYMENT.value
            else []
        ),
        transfer=transfer_type(view.transfer) if is_own else None,
    )


def _line(line: LineView, currency: str, context: Context, *, is_own: bool) -> OrderLine:
    return OrderLine(
        id=strawberry.ID(public_id("lin", line.id)),
        sku_id=strawberry.ID(public_id("sku", line.sku_id)),
        product_slug=line.product_slug,
        name=context.words(line.name_zh, line.name_en),
        quantity=line.quantity,
        unit_price=amount(line.unit_price_minor, currency),
        total=amount(line.total_minor, currency),
        discount=amount(line.discount_minor, currency),
        refunded=amount(line.refunded_minor, currency),
        returned_quantity=line.returned_quantity,
        commitments=list(line.commitments),
        keys=[_key(key) for key in line.keys],
        delivery_mode=DeliveryMode(line.delivery_mode),
        manual=progress_type(line.progress, to_buyer=is_own),
        form=_form(line, context) if is_own else [],
    )


def _form(line: LineView, context: Context) -> list[FormAnswer]:
    """What was said for a line, opened for its buyer alone: whose order it is has been asked."""
    if line.form is None:
        return []
    return [form_answer(answer, context) for answer in line.form.answers()]


def _key(key: KeyView) -> DeliveredKey:
    return DeliveredKey(
        id=strawberry.ID(public_id("dky", key.id)),
        serial=key.serial,
        commitment=key.commitment_hex,
        delivered_at=key.delivered_at,
        revealed_at=key.revealed_at,
        returned_at=key.returned_at,
        replaced_by=strawberry.ID(public_id("dky", key.replaced_by)) if key.replaced_by else None,
    )


def revealed_key(key: OpenedKey, context: Context) -> RevealedKey:
    """Put an opened key into the schema's words."""
    return RevealedKey(
        id=strawberry.ID(public_id("dky", key.id)),
        line_id=strawberry.ID(public_id("lin", key.line_id)),
        name=context.words(key.name_zh, key.name_en),
        serial=key.serial,
        secret=key.secret,
        salt=key.salt_hex,
        commitment=key.commitment_hex,
        expires_at=key.expires_at,
        revealed_at=key.revealed_at,
    )


def order_connection(
    page: OrderPage, context: Context, *, is_own: bool | None = None
) -> OrderConnection:
    """Put a page of orders into the schema's words."""
    edges = [
        OrderEdge(cursor=cursor, node=order_type(view, context, is_own=is_own))
        for view, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return OrderConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )
