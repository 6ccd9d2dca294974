"""What a shop buys at cost, for itself: PREPAID shops and programs that resell."""

from enum import Enum
from typing import Annotated

import strawberry

from kernel.ids import parse_id, public_id
from offers.at_cost import CostWish
from orders import purchasing
from orders.purchasing import Bought, PurchaseWish
from orders.queries import orders_page, purchase_view
from schema.context import Context, Info
from schema.delivery_modes import DeliveryMode
from schema.forms import LineFormInput, forms_of
from schema.inputs import amount_in
from schema.money import MoneyInput
from schema.order_types import (
    Order,
    OrderConnection,
    RevealedKey,
    order_connection,
    order_type,
    revealed_key,
)
from schema.problems import Problem, Refusals


@strawberry.enum
class PurchaseDelivery(Enum):
    """NOW: the keys are opened with the answer. LATER: `keyReveal` opens them, and until then
    `unrevealedReturn` gives them back."""

    NOW = "NOW"
    LATER = "LATER"


@strawberry.input
class PurchaseLineInput:
    """`maxUnitCost` is what a piece may cost at most; a dearer one refuses the purchase. Where a
    person delivers beside keys, `deliveryMode` chooses."""

    sku_id: strawberry.ID
    quantity: int
    max_unit_cost: MoneyInput | None = None
    delivery_mode: DeliveryMode | None = None


@strawberry.input
class PurchaseAtCostInput:
    """Up to 500 lines and pieces. Either `maxTotal` or every line's `maxUnitCost` is the
    acceptance of the price. `clientReference` is the shop's own name for the purchase, given once:
    after a time-out `purchase` finds it. `partial` buys what there is. `form` is what the goods ask
    for; what a person delivers comes later, and `order.delivered` tells of it."""

    lines: list[PurchaseLineInput]
    idempotency_key: strawberry.ID
    max_total: MoneyInput | None = None
    client_reference: str | None = None
    partial: bool = False
    deliver: PurchaseDelivery = PurchaseDelivery.NOW
    form: list[LineFormInput] | None = None


@strawberry.type
class ShortLine:
    """A line of which fewer keys were there than were wanted."""

    sku_id: strawberry.ID
    wanted: int
    bought: int


@strawberry.type
class PurchaseMade:
    """The order; with `deliver: NOW` its keys in the clear; and what there was too little of."""

    order: Order
    keys: list[RevealedKey]
    short: list[ShortLine]


PurchaseAtCostPayload = Annotated[PurchaseMade | Problem, strawberry.union("PurchaseAtCostPayload")]


def _wish(input: PurchaseAtCostInput, context: Context) -> PurchaseWish:
    return PurchaseWish(
        lines=tuple(
            CostWish(
                sku_id=parse_id("sku", line.sku_id, field="skuId"),
                quantity=line.quantity,
                most_unit_cost_minor=_most(line.max_unit_cost, context, field="maxUnitCost"),
                delivery_mode=None if line.delivery_mode is None else line.delivery_mode.value,
            )
            for line in input.lines
        ),
        most_total_minor=_most(input.max_total, context, field="maxTotal"),
        client_reference=input.client_reference,
        partial=input.partial,
        deliver_now=input.deliver is PurchaseDelivery.NOW,
        said=forms_of(input.form),
    )


def _most(money: MoneyInput | None, context: Context, *, field: str) -> int | None:
    return None if money is None else amount_in(money, context, field=field)


def _made(bought: Bought, wish: PurchaseWish, context: Context) -> PurchaseMade:
    quantities = {line.sku_id: line.quantity for line in bought.order.lines}
    return PurchaseMade(
        order=order_type(bought.order, context, is_own=True),
        keys=[revealed_key(key, context) for key in bought.keys],
        short=[
            ShortLine(
                sku_id=strawberry.ID(public_id("sku", line.sku_id)),
                wanted=line.quantity,
                bought=quantities.get(line.sku_id, 0),
            )
            for line in wish.lines
            if quantities.get(line.sku_id, 0) < line.quantity
        ],
    )


@strawberry.type
class PurchaseQuery:
    """What the shop has bought."""

    @strawberry.field(
        description="What the shop has bought under a reference of its own; null when nothing."
    )
    async def purchase(self, info: Info, client_reference: str) -> Order | None:
        """Find a purchase whose answer was lost."""
        context = info.context
        view = await purchase_view(shop=context.shop, client_reference=client_reference)
        return None if view is None else order_type(view, context, is_own=True)

    @strawberry.field(description="All that the shop has bought at cost, the newest first.")
    async def purchases(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> OrderConnection:
        """Read a page of the shop's purchases."""
        context = info.context
        page = await orders_page(
            shop=context.shop, customer_id=None, first=first, after=after, at_cost=True
        )
        return order_connection(page, context, is_own=True)


@strawberry.type
class PurchaseMutation:
    """Buying at cost."""

    @strawberry.mutation(
        description="Buy at the shop's own cost, out of its trade balance.",
        extensions=[Refusals()],
    )
    async def purchase_at_cost(
        self, info: Info, input: PurchaseAtCostInput
    ) -> PurchaseAtCostPayload:
        """Buy, pay and deliver in one step."""
        context = info.context
        wish = _wish(input, context)
        bought = await purchasing.purchase_at_cost(
            shop=context.shop,
            wish=wish,
            witness=context.witness,
            idempotency_key=input.idempotency_key,
        )
        return _made(bought, wish, context)
