"""An order's page, where a person delivers: correct what was said, or cancel in time."""

import re
from typing import Final

from starlette.responses import Response

from web.asking import PageRefused, Refused, act
from web.forms import Form
from web.orders import order_no_of, order_ref, show_order
from web.pages import go_to
from web.visit import Visit, order_path

_LINE: Final = re.compile(r"lin_\w{26}", re.ASCII)


async def correct(visit: Visit, form: Form) -> Response:
    """Say anew what the deliverer has asked for."""
    return await _act(visit, form, "order_line_correct", "corrected", values=form.said_values)


async def cancel_line(visit: Visit, form: Form) -> Response:
    """Give up a line that nobody has begun to deliver."""
    key = form.text("idempotency_key")
    return await _act(visit, form, "order_line_cancel", "returned", idempotencyKey=key)


async def _act(visit: Visit, form: Form, document: str, note: str, **wish: object) -> Response:
    order_no, line_id = order_no_of(visit), form.text("line")
    if not _LINE.fullmatch(line_id):
        raise PageRefused(400)
    try:
        await act(visit, document, **order_ref(visit, order_no), lineId=line_id, **wish)
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return go_to(f"{order_path(order_no)}?payment={note}")
