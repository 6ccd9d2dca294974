"""The cart: goods put aside, shown at today's prices."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.ids import parse_id, public_id
from offers.cart import carts
from offers.cart.carts import CartChange, CartNow, LineNow
from offers.cart.lines import CartWish, LineChange
from offers.cart.storing import Holder
from offers.quotes import QuotedLine
from schema.context import Context, Info
from schema.delivery_modes import DeliveryMode
from schema.forms import FormValueInput, values_of
from schema.inputs import wish_of
from schema.money import Money, amount
from schema.problems import Problem, Refusals, problem
from schema.quotes import Quote, quote_type


@strawberry.input
class CartLineInput:
    """What to put in; without `offerId` the cheapest offer that has enough is meant."""

    sku_id: strawberry.ID
    quantity: int
    offer_id: strawberry.ID | None = None
    delivery_mode: DeliveryMode | None = None
    form: list[FormValueInput] | None = None


@strawberry.input
class CartLinesAddInput:
    """1 to 20 lines. A guest without a `cartToken` gets a cart of its own."""

    lines: list[CartLineInput]
    cart_token: str | None = None


@strawberry.input
class CartLineChangeInput:
    """Another quantity of a line, or what its buyer says for it; what is left out stays."""

    cart_line_id: strawberry.ID
    quantity: int | None = None
    form: list[FormValueInput] | None = None


@strawberry.input
class CartLinesUpdateInput:
    """1 to 20 changes."""

    lines: list[CartLineChangeInput]
    cart_token: str | None = None


@strawberry.input
class CartLinesRemoveInput:
    """1 to 20 lines; those that are gone already are no mistake."""

    cart_line_ids: list[strawberry.ID]
    cart_token: str | None = None


@strawberry.type(description="One line of a cart, at today's price.")
class CartLine:
    """`problem` says why it cannot be ordered now; goods that are not to be had have no price.
    `formerUnitPrice` is there where the price has changed since the line was put in."""

    id: strawberry.ID
    sku_id: strawberry.ID
    offer_id: strawberry.ID | None
    product_slug: str
    name: str
    quantity: int
    unit_price: Money | None
    former_unit_price: Money | None
    total: Money | None
    problem: Problem | None
    delivery_mode: DeliveryMode | None = strawberry.field(
        description="How it would be delivered; null where it cannot be ordered now."
    )
    form: list["FormValue"] = strawberry.field(metadata={"assumed_size": 2})


@strawberry.type
class FormValue:
    """What was said for a field, as it was typed."""

    field_name: str
    value: str


@strawberry.type(description="What somebody thinks of buying. No key is held, no price is fixed.")
class Cart:
    """`total` is that of the lines which can be ordered. `quote` is their signed price, which
    `orderCreate` takes; where it is null `problem` says what stands in its way."""

    lines: list[CartLine] = strawberry.field(metadata={"assumed_size": 5})
    total: Money
    quote: Quote | None
    problem: Problem | None
    expires_at: datetime


@strawberry.type
class CartChanged:
    """The cart after the change; `cartToken` opens a guest's, and is told once."""

    cart: Cart
    cart_token: str | None


CartPayload = Annotated[CartChanged | Problem, strawberry.union("CartPayload")]


@strawberry.type
class CartQuery:
    """Looking into the cart."""

    @strawberry.field(description="The caller's cart; null when there is none.")
    async def cart(
        self, info: Info, cart_token: str | None = None, redeem_points: int | None = None
    ) -> Cart | None:
        """Read a cart at today's prices; its quote redeems so many points."""
        context = info.context
        holder = _holder(context, cart_token)
        found = await carts.look(context.shop, holder, redeem_points=redeem_points or 0)
        return None if found is None else _cart(found, context)


@strawberry.type
class CartMutation:
    """Changing the cart."""

    @strawberry.mutation(description="Put goods into the cart.", extensions=[Refusals()])
    async def cart_lines_add(self, info: Info, input: CartLinesAddInput) -> CartPayload:
        """Put in; the same goods add up."""
        wishes = [
            CartWish(
                wish_of(
                    sku_id=one.sku_id,
                    quantity=one.quantity,
                    offer_id=one.offer_id,
                    delivery_mode=one.delivery_mode,
                ),
                None if one.form is None else values_of(one.form),
            )
            for one in input.lines
        ]
        context = info.context
        holder = _holder(context, input.cart_token)
        change = await carts.add_lines(context.shop, holder, wishes, ip=context.ip)
        return _changed(change, context)

    @strawberry.mutation(description="Change lines of the cart.", extensions=[Refusals()])
    async def cart_lines_update(self, info: Info, input: CartLinesUpdateInput) -> CartPayload:
        """Change quantities."""
        changes = [
            LineChange(
                parse_id("ctl", one.cart_line_id, field="cartLineId"),
                one.quantity,
                None if one.form is None else values_of(one.form),
            )
            for one in input.lines
        ]
        holder = _holder(info.context, input.cart_token)
        return _changed(await carts.update_lines(info.context.shop, holder, changes), info.context)

    @strawberry.mutation(description="Take lines out of the cart.", extensions=[Refusals()])
    async def cart_lines_remove(self, info: Info, input: CartLinesRemoveInput) -> CartPayload:
        """Take out."""
        line_ids = [parse_id("ctl", text, field="cartLineIds") for text in input.cart_line_ids]
        holder = _holder(info.context, input.cart_token)
        return _changed(await carts.remove_lines(info.context.shop, holder, line_ids), info.context)


def _holder(context: Context, token: str | None) -> Holder:
    """A signed-in customer's own cart, or the one that the token opens."""
    return Holder(context.customer_id, None if context.customer_id else token or None)


def _changed(change: CartChange, context: Context) -> CartChanged:
    return CartChanged(cart=_cart(change.cart, context), cart_token=change.token)


def _cart(cart: CartNow, context: Context) -> Cart:
    return Cart(
        lines=[_line(line, context) for line in cart.lines],
        total=amount(cart.total_minor, context.shop.currency),
        quote=quote_type(cart.quote, context) if cart.quote else None,
        problem=problem(cart.problem, context) if cart.problem else None,
        expires_at=cart.expires_at,
    )


def _title(quoted: QuotedLine | None) -> str:
    """What the shop itself calls the goods, if it does and sells them."""
    return quoted.sku.title if quoted is not None else ""


def _line(line: LineNow, context: Context) -> CartLine:
    stored, quoted, currency = line.line, line.quoted, context.shop.currency
    former = line.former_price_minor
    return CartLine(
        id=strawberry.ID(public_id("ctl", stored.id)),
        sku_id=strawberry.ID(public_id("sku", stored.sku_id)),
        offer_id=strawberry.ID(public_id("ofr", stored.offer_id)) if stored.offer_id else None,
        product_slug=line.goods.product_slug,
        name=_title(quoted) or context.words(line.goods.name_zh, line.goods.name_en),
        quantity=stored.quantity,
        unit_price=amount(quoted.offer.unit_price_minor, currency) if quoted else None,
        former_unit_price=None if former is None else amount(former, currency),
        total=amount(quoted.total_minor, currency) if quoted else None,
        problem=problem(line.problem, context) if line.problem else None,
        delivery_mode=DeliveryMode(quoted.delivery_mode) if quoted else None,
        form=[FormValue(field_name=name, value=text) for name, text in stored.form.items()],
    )
