"""The look before buying: what the goods want to know, coupons, and the total to agree to."""

from typing import Any, Final

from starlette.responses import Response

from offers.delivery_modes import BY_HAND
from web.asking import Problem, Refused, act, ask
from web.buying import buy, require_choice, require_method, require_quantity
from web.catalogue import contacts_of, show_product
from web.coupons import CODES, are_new, codes_in, offered, points_in, priced
from web.forms import Form, new_key
from web.pages import show
from web.visit import Visit

_ENTERED: Final = "entered"
#: Which kept texts are offered for a field of a kind.
_AUTOFILL: Final = {"PHONE": "PHONE", "EMAIL": "EMAIL", "ACCOUNT_ID": "ACCOUNT"}


async def buy_or_look(visit: Visit, form: Form) -> Response:
    """Buy at the total that the buyer has seen; where that is another by now, or codes are named
    that it is not for, show it first."""
    if are_new(form):
        return await confirm(visit, form)
    try:
        return await buy(visit, form)
    except Refused as no:
        is_of_price = no.problem.field in ("couponCodes", "redeemPoints")
        if no.problem.code == "PRICE_CHANGED" or is_of_price:
            return await _look(visit, form, no.problem)
        return await show_product(visit, form.text("product"), problem=no.problem, form=form)


async def confirm(visit: Visit, form: Form) -> Response:
    """Ask for what the goods want to know; once all of it is right, show all of it again with the
    button that buys."""
    return await _look(visit, form, None)


async def _look(visit: Visit, form: Form, problem: Problem | None) -> Response:
    slug = form.text("product")
    try:
        sku_id, offer_id, unit_price_minor = require_choice(visit, form)
        quantity = require_quantity(visit, form)
        require_method(visit, form)
        data = await ask(visit, "product", slug=slug)
        sku, offer = _chosen(data["product"], sku_id, offer_id)
        if sku is None or offer["price"]["amountMinor"] != unit_price_minor:
            return await show_product(visit, slug, problem=problem, form=form)
        line = {"skuId": sku_id, "offerId": offer_id, "quantity": quantity}
        price = await priced(visit, [line], codes_in(form.text(CODES)), points_in(form))
        problems = await _problems(visit, sku, form)
    except Refused as no:
        return await show_product(visit, slug, problem=no.problem, form=form)
    entered = form.text("step") == _ENTERED or not sku["formFields"]
    ready = entered and not problems and not form.text("change")
    return show(
        visit,
        "confirm.html",
        product=data["product"],
        sku=sku,
        minutes=sku["manualMinutes"] if offer["deliveryMode"] in BY_HAND else None,
        quantity=quantity,
        price=price,
        offered=await offered(visit),
        method=_label(data["storefront"]["paymentMethods"], form.text("method")),
        said=form.said or _autofilled(sku, contacts_of(data)),
        problems=problems if entered and not form.text("apply") else {},
        ready=ready,
        step=_ENTERED,
        idempotency_key=form.text("idempotency_key") or new_key(),
        problem=problem or price.problem,
        filled=form,
    )


async def _problems(visit: Visit, sku: dict[str, Any], form: Form) -> dict[str, str]:
    """What is wrong with each field, as the order would say it."""
    if not sku["formFields"]:
        return {}
    found = await act(visit, "form_validate", skuId=sku["id"], values=form.said_values)
    return {one["field"].removeprefix("form."): one["message"] for one in found["problems"]}


def _chosen(
    product: dict[str, Any] | None, sku_id: str, offer_id: str
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    for sku in product["skus"] if product else ():
        for offer in sku["offers"]:
            if (sku["id"], offer["id"]) == (sku_id, offer_id):
                return sku, offer
    return None, {}


def _label(methods: list[dict[str, Any]], code: str) -> str:
    plain = code.partition(".")[0]
    return next((method["label"] for method in methods if method["code"] == plain), plain)


def _autofilled(sku: dict[str, Any], contacts: list[dict[str, Any]]) -> dict[str, str]:
    """For each field the text of its kind that was used last."""
    last = {one["kind"]: one["value"] for one in reversed(contacts)}
    filled = {field["name"]: last.get(_AUTOFILL.get(field["kind"], "")) for field in
              sku["formFields"]}  # fmt: skip
    return {name: text for name, text in filled.items() if text}
