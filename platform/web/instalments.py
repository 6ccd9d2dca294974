"""An order's page, where it is paid in parts: begin a plan, pay the next part or all of them."""

import re
from typing import Any, Final

from starlette.responses import Response

from web.asking import PageRefused, Refused, act
from web.buying import mode_of, require_method
from web.forms import Form
from web.orders import order_no_of, show_order
from web.pages import go_to
from web.visit import Visit, order_path

_PLAN: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,15})", re.ASCII)
_AMOUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


async def begin(visit: Visit, form: Form) -> Response:
    """Begin the plan that was chosen: "3.13200" are three parts, of which the first was seen to
    come to so much."""
    chosen = _PLAN.fullmatch(form.text("plan"))
    if chosen is None:
        raise PageRefused(400)
    parts, amount_minor = map(int, chosen.groups())
    return await _pay(visit, form, "instalment_start", amount_minor, parts=parts)


async def pay_next(visit: Visit, form: Form) -> Response:
    """Pay the next part, or all that is owed."""
    pays_off = form.text("which") == "all"
    amount = form.text("owed" if pays_off else "next")
    if not _AMOUNT.fullmatch(amount):
        raise PageRefused(400)
    return await _pay(visit, form, "instalment_pay", int(amount), payOff=pays_off)


async def _pay(visit: Visit, form: Form, document: str, amount_minor: int, **wish: Any) -> Response:
    order_no = order_no_of(visit)
    path = order_path(order_no)
    try:
        started = await act(
            visit,
            document,
            orderNo=order_no,
            amount={
                "amountMinor": min(amount_minor, 2**53 - 1),
                "currency": visit.context.shop.currency,
            },
            method=require_method(visit, form),
            mode=mode_of(form),
            idempotencyKey=form.text("idempotency_key"),
            returnPath=f"{path}/return",
            **wish,
        )
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return go_to(started["actionUrl"] or path)
