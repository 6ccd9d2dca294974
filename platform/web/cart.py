"""The cart's page: what is in it at today's prices, and the way from there to an order."""

import re
from contextlib import suppress
from typing import Any, Final

import orjson
from starlette.responses import Response

from web.asking import Problem, Refused, act, ask
from web.buying import (
    pay_for,
    remember_contact,
    require_choice,
    require_method,
    require_quantity,
)
from web.catalogue import contacts_of, show_product
from web.coupons import (
    CODES,
    Priced,
    are_new,
    codes_in,
    keep,
    kept,
    offered,
    points_in,
    priced,
)
from web.forms import Form, new_key
from web.pages import go_to, show
from web.visit import CART, CLICK, KEEP_CART_SECONDS, Visit

_CART: Final = "/cart"
_LINES: Final = re.compile(r"ctl_\w{26}(,ctl_\w{26}){0,19}", re.ASCII)


async def cart_page(visit: Visit) -> Response:
    """Show the cart, and how it can be ordered."""
    return await _show_cart(visit)


async def add(visit: Visit, form: Form) -> Response:
    """Put what was chosen on a product's page into the cart."""
    try:
        sku_id, offer_id, _ = require_choice(visit, form)
        line = {"skuId": sku_id, "offerId": offer_id, "quantity": require_quantity(visit, form)}
        if form.said_values:
            line["form"] = form.said_values
        changed = await _put_in(visit, line)
    except Refused as no:
        return await show_product(visit, form.text("product"), problem=no.problem, form=form)
    response = go_to(_CART)
    if changed["cartToken"] is not None:
        visit.keep(response, CART, changed["cartToken"], ttl_seconds=KEEP_CART_SECONDS)
    if named := codes_in(form.text(CODES)):
        keep(visit, response, named)
    return response


async def use_coupons(visit: Visit, form: Form) -> Response:
    """Show the cart with these points, and these coupons, which the browser keeps for it; none
    forgets them."""
    codes = codes_in(form.text(CODES))
    response = await _show_cart(visit, form=form, codes=codes)
    keep(visit, response, codes)
    return response


async def update(visit: Visit, form: Form) -> Response:
    """Change how many of a line there are."""
    try:
        line = {"cartLineId": form.text("line"), "quantity": require_quantity(visit, form)}
        await act(visit, "cart_lines_update", cartToken=visit.cart_token, lines=[line])
    except Refused as no:
        return await _show_cart(visit, problem=no.problem)
    return go_to(_CART)


async def remove(visit: Visit, form: Form) -> Response:
    """Take a line out."""
    try:
        await _take_out(visit, [form.text("line")])
    except Refused as no:
        return await _show_cart(visit, problem=no.problem)
    return go_to(_CART)


async def order(visit: Visit, form: Form) -> Response:
    """Order all of it at the price that the page has shown, and go on to the payment.

    The signed price travels with the form, so a form that is sent twice orders once. Coupons that
    it is not the price with are shown first.
    """
    if are_new(form):
        return await use_coupons(visit, form)
    try:
        require_method(visit, form)
        made = await act(
            visit,
            "order_create",
            quoteId=form.text("quote"),
            idempotencyKey=form.text("idempotency_key"),
            contact=form.text("contact") or None,
            affiliateCode=form.text("affiliate_code") or None,
            affiliateClick=visit.cookie(CLICK),
            form=_said(form) or None,
        )
    except Refused as no:
        return await _show_cart(visit, problem=no.problem, form=form)
    if _LINES.fullmatch(form.text("lines")):
        await _take_out(visit, form.text("lines").split(","))
    await remember_contact(visit, form)
    response = await pay_for(visit, form, made)
    keep(visit, response, ())
    return response


def _said(form: Form) -> list[dict[str, Any]]:
    """What the page has shown to be said for the lines. It travels with the form, so that a form
    that is sent twice says the same twice, when the cart is empty already."""
    with suppress(orjson.JSONDecodeError):
        said = orjson.loads(form.text("said"))
        if isinstance(said, list):
            return said
    return []


async def _put_in(visit: Visit, line: dict[str, Any]) -> dict[str, Any]:
    """Into the browser's cart, or where that has ended into a new one."""
    try:
        return await act(visit, "cart_lines_add", cartToken=visit.cart_token, lines=[line])
    except Refused as no:
        if no.problem.field != "cartToken":
            raise
        return await act(visit, "cart_lines_add", lines=[line])


async def _take_out(visit: Visit, line_ids: list[str]) -> None:
    await act(visit, "cart_lines_remove", cartToken=visit.cart_token, cartLineIds=line_ids)


async def _show_cart(
    visit: Visit,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
    codes: tuple[str, ...] | None = None,
) -> Response:
    data = await ask(visit, "cart", cartToken=visit.cart_token)
    cart, me = data["cart"], data.get("me")
    price = None
    if cart and cart["quote"]:
        try:
            named = kept(visit) if codes is None else codes
            price = await _price(visit, cart, named, points_in(form) if form else 0)
        except Refused as no:  # it has changed since the cart was read
            problem = problem or no.problem
    return show(
        visit,
        "cart.html",
        cart=cart if cart and cart["lines"] else None,
        price=price,
        offered=await offered(visit) if price else [],
        said=_shown_form(cart["lines"]) if cart else "",
        contacts=contacts_of(data),
        methods=data["storefront"]["paymentMethods"],
        wallet=me["wallet"] if me else None,
        idempotency_key=new_key(),
        problem=problem or (price.problem if price else None),
        filled=form,
    )


async def _price(visit: Visit, cart: dict[str, Any], codes: tuple[str, ...], points: int) -> Priced:
    if not codes and not points:
        return Priced(cart["quote"])
    wanted = ("skuId", "offerId", "quantity")
    lines = [{name: line[name] for name in wanted} for line in cart["lines"]]
    return await priced(visit, lines, codes, points)


def _shown_form(lines: list[dict[str, Any]]) -> str:
    said = [{"skuId": line["skuId"], "values": line["form"]} for line in lines if line["form"]]
    return orjson.dumps(said).decode()
