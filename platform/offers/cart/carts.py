"""Putting into a cart, changing it, looking at it with today's prices, and taking it over.

Prices come from the quotes' own code, so what a cart says is what an order would cost. A look is
two statements whatever is in the cart, and one more where price rules have changed meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from identity.attempts import count_opening
from kernel import crypto, db
from kernel.errors import Invalid, NotFound, Refusal
from offers import quotes
from offers.cart import lines as cart_lines
from offers.cart import storing
from offers.cart.lines import CartLine, CartWish, LineChange, Values
from offers.cart.storing import Cart, Goods, Holder
from offers.form_values import checked, fields_of
from offers.quoted_points import quote_points
from offers.quotes import Quote, QuotedLine
from tenants.directory import Shop

TOKEN_PREFIX: Final = "kmk"  # noqa: S105 - it tells a token's kind
_MAX_TOKEN: Final = 100  # characters
CARTS_AN_ADDRESS: Final = 100
"""How many guests' carts one address opens in a shop in an hour."""


@dataclass(frozen=True, slots=True)
class LineNow:
    """A line with what it costs now, and why it cannot be ordered now, if it cannot."""

    line: CartLine
    goods: Goods
    quoted: QuotedLine | None
    problem: Refusal | None

    @property
    def former_price_minor(self) -> int | None:
        """A piece's price when it was put in; None where that is today's, or unknown."""
        if self.quoted is None:
            return None
        seen = self.line.seen_price_minor
        return seen if seen != self.quoted.offer.unit_price_minor else None


@dataclass(frozen=True, slots=True)
class CartNow:
    """A cart at today's prices. `quote` is there when all of it can be ordered as it stands."""

    expires_at: datetime
    lines: tuple[LineNow, ...]
    total_minor: int
    quote: Quote | None
    problem: Refusal | None


@dataclass(frozen=True, slots=True)
class CartChange:
    """A cart after a change; `token` where a guest's was just made, readable this once."""

    cart: CartNow
    token: str | None = None


async def look(shop: Shop, holder: Holder, *, redeem_points: int = 0) -> CartNow | None:
    """The holder's cart at today's prices, its quote with so many points; None where there is
    none."""
    cart = await storing.read(shop, _checked(holder))
    return None if cart is None else await _priced(shop, cart, holder, redeem_points=redeem_points)


async def add_lines(
    shop: Shop, holder: Holder, wishes: Sequence[CartWish], *, ip: str
) -> CartChange:
    """Put goods in. A guest without a token gets a cart and the token that opens it.

    Raises what a quote for the lines would, `Invalid` for a 21st line, `NotFound` for a token that
    opens no cart, and `RateLimited` when an address opens too many; then no cart is written.
    """
    holder, token = _checked(holder), None
    if not holder.known:
        await count_opening(what="cart", tenant_id=shop.id, ip=ip, limit=CARTS_AN_ADDRESS)
        token = crypto.new_token(TOKEN_PREFIX)
        holder = Holder(token=token)
    standing: tuple[CartLine, ...] = ()
    async with db.transaction(storing.core_scope(shop)):
        if token is not None:
            cart_id = await storing.open_guests(shop, token)
        else:
            cart_id, standing = await _locked(shop, holder)
        await _write(shop, cart_id, cart_lines.with_added(standing, wishes), holder)
    return await _changed(shop, holder, token)


async def update_lines(shop: Shop, holder: Holder, changes: Sequence[LineChange]) -> CartChange:
    """Change quantities, or what the buyer says for a line.

    Raises `NotFound` for a line of another cart, and what a quote for the lines would.
    """
    return await _change(shop, holder, lambda standing: cart_lines.with_changes(standing, changes))


async def remove_lines(shop: Shop, holder: Holder, line_ids: Sequence[UUID]) -> CartChange:
    """Take lines out; one that is not there, or not there any more, is no mistake."""
    if not 1 <= len(line_ids) <= quotes.MAX_LINES:
        raise Invalid(f"One to {quotes.MAX_LINES} lines at once.", field="cartLineIds")
    holder = _checked(holder)
    async with db.transaction(storing.core_scope(shop)):
        cart_id, _ = await _locked(shop, holder)
        await storing.drop_lines(shop, cart_id, line_ids)
    return await _changed(shop, holder, None)


async def take_over(shop: Shop, *, customer_id: UUID, token: str) -> None:
    """Move a guest's cart into the customer's, who has just signed in; then it is gone.

    A token that opens no cart does nothing. Both carts are locked, the customer's first.
    """
    guest = Holder(token=token)
    if len(token) > _MAX_TOKEN:
        return
    async with db.transaction(storing.core_scope(shop)):
        own_id = await storing.lock_customers(shop, customer_id)
        guests_id = await storing.lock_guests(shop, token)
        if guests_id is None:
            return
        guests, own = await storing.read(shop, guest), await _lines(shop, Holder(customer_id))
        assert guests is not None
        moved = cart_lines.taken_over(own, guests.lines)
        await storing.drop_cart(shop, guests_id)
        await storing.write_lines(shop, own_id, moved)


async def _change(
    shop: Shop, holder: Holder, changed: Callable[[Sequence[CartLine]], list[CartLine]]
) -> CartChange:
    holder = _checked(holder)
    async with db.transaction(storing.core_scope(shop)):
        cart_id, standing = await _locked(shop, holder)
        await _write(shop, cart_id, changed(standing), holder)
    return await _changed(shop, holder, None)


async def _locked(shop: Shop, holder: Holder) -> tuple[UUID, tuple[CartLine, ...]]:
    if holder.customer_id is not None:
        cart_id: UUID | None = await storing.lock_customers(shop, holder.customer_id)
    else:
        cart_id = await storing.lock_guests(shop, holder.token or "")
    if cart_id is None:
        raise NotFound("There is no such cart any more.", field="cartToken")
    return cart_id, await _lines(shop, holder)


async def _lines(shop: Shop, holder: Holder) -> tuple[CartLine, ...]:
    cart = await storing.read(shop, holder)
    return () if cart is None else cart.lines


async def _write(shop: Shop, cart_id: UUID, touched: Sequence[CartLine], holder: Holder) -> None:
    """Write lines with the prices that their buyer is shown now, and with what the buyer says for
    them; what is still to be said may be missing until the order."""
    quoted = await quotes.price_wishes(
        shop, [line.wish for line in touched], customer_id=holder.customer_id
    )
    lines = [
        replace(line, seen_price_minor=one.offer.unit_price_minor, form=_kept_form(line, one))
        for line, one in zip(touched, quoted, strict=True)
    ]
    await storing.write_lines(shop, cart_id, lines)


async def _changed(shop: Shop, holder: Holder, token: str | None) -> CartChange:
    cart = await storing.read(shop, holder)
    if cart is None:  # emptied by its own sign-in on another page, this very moment
        raise NotFound("There is no such cart any more.", field="cartToken")
    return CartChange(await _priced(shop, cart, holder), token)


async def _priced(shop: Shop, cart: Cart, holder: Holder, *, redeem_points: int = 0) -> CartNow:
    priced = await quotes.price_each(
        shop, [line.wish for line in cart.lines], customer_id=holder.customer_id
    )
    lines = tuple(
        LineNow(
            line=line,
            goods=cart.goods[line.sku_id],
            quoted=one if isinstance(one, QuotedLine) else None,
            problem=one if isinstance(one, Refusal) else _form_problem(line, one),
        )
        for line, one in zip(cart.lines, priced, strict=True)
    )
    ready = [one.quoted for one in lines if one.quoted is not None]
    quote, problem = None, next((one.problem for one in lines if one.problem is not None), None)
    if lines and problem is None:
        try:
            pointed, points = await quote_points(
                shop, ready, wanted=redeem_points, customer_id=holder.customer_id
            )
            quote = quotes.sign(shop, pointed, points=points)
        except Refusal as refusal:
            problem = refusal
    total_minor = sum(one.total_minor for one in ready)
    return CartNow(cart.expires_at, lines, total_minor, quote, problem)


def _kept_form(line: CartLine, quoted: QuotedLine) -> Values:
    """What is said for the line in its one spelling. Raises `Invalid` where something is wrong."""
    if not line.form:
        return {}
    found = checked(fields_of(quoted.sku), line.form)
    if found.problems:
        raise found.problems[0]
    return found.values


def _form_problem(line: CartLine, quoted: QuotedLine) -> Refusal | None:
    """Why the order would refuse what the buyer says for the line, if it would."""
    return next(iter(checked(fields_of(quoted.sku), line.form).problems), None)


def _checked(holder: Holder) -> Holder:
    """A token that cannot be one is none of ours, and is not hashed."""
    if holder.customer_id is None and holder.token is not None and len(holder.token) > _MAX_TOKEN:
        raise NotFound("There is no such cart any more.", field="cartToken")
    return holder
