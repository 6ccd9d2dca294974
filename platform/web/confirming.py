"""Goods that ask for something: the fields, live help with them, and the look before buying."""

from typing import Any, Final

from starlette.responses import Response

from kernel.money import MAX_AMOUNT_MINOR, Money, format_money
from web.asking import Refused, act, ask
from web.buying import require_choice, require_method, require_quantity
from web.catalogue import contacts_of, show_product
from web.forms import Form, new_key
from web.pages import show
from web.visit import Visit

_ENTERED: Final = "entered"
#: Which kept texts are offered for a field of a kind.
_AUTOFILL: Final = {"PHONE": "PHONE", "EMAIL": "EMAIL", "ACCOUNT_ID": "ACCOUNT"}


async def confirm(visit: Visit, form: Form) -> Response:
    """Ask for what the goods want to know; once all of it is right, show all of it again with the
    button that buys."""
    slug = form.text("product")
    try:
        sku_id, offer_id, unit_price_minor = require_choice(visit, form)
        quantity = require_quantity(visit, form)
        require_method(visit, form)
        data = await ask(visit, "product", slug=slug)
        sku, offer = _chosen(data["product"], sku_id, offer_id)
        if sku is None or offer["price"]["amountMinor"] != unit_price_minor:
            return await show_product(visit, slug, form=form)
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
        offer=offer,
        quantity=quantity,
        total=_total(visit, unit_price_minor * quantity),
        method=_label(data["storefront"]["paymentMethods"], form.text("method")),
        said=form.said or _autofilled(sku, contacts_of(data)),
        problems=problems if entered else {},
        ready=ready,
        step=_ENTERED,
        idempotency_key=form.text("idempotency_key") or new_key(),
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


def _total(visit: Visit, amount_minor: int) -> str:
    """What all of it costs, for people; the order's own statement decides."""
    context = visit.context
    locale = "en" if context.english else "zh-CN"
    amount_minor = min(amount_minor, MAX_AMOUNT_MINOR)
    return format_money(Money(amount_minor, context.shop.currency), locale)


def _label(methods: list[dict[str, Any]], code: str) -> str:
    return next((method["label"] for method in methods if method["code"] == code), code)


def _autofilled(sku: dict[str, Any], contacts: list[dict[str, Any]]) -> dict[str, str]:
    """For each field the text of its kind that was used last."""
    last = {one["kind"]: one["value"] for one in reversed(contacts)}
    filled = {field["name"]: last.get(_AUTOFILL.get(field["kind"], "")) for field in
              sku["formFields"]}  # fmt: skip
    return {name: text for name, text in filled.items() if text}
