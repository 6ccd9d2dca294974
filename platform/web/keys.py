"""The buyer's keys: opened, taken home as a file, or given back."""

from typing import Final

from starlette.responses import Response

from web.asking import Refused, act
from web.forms import Form
from web.orders import order_no_of, order_ref, show_order
from web.pages import go_to, show
from web.visit import Visit, order_path

_MEDIA_TYPES: Final = {"TXT": "text/plain", "CSV": "text/csv"}


async def reveal(visit: Visit, form: Form) -> Response:
    """Open all keys of an order, or the one whose button was pressed.

    The keys are in this answer alone: there is no address at which they could be found again.
    """
    order_no = order_no_of(visit)
    chosen = form.text("key")
    try:
        opened = await act(
            visit,
            "key_reveal",
            **order_ref(visit, order_no),
            deliveredKeyIds=[chosen] if chosen else None,
        )
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return show(visit, "keys.html", order_no=order_no, keys=opened["keys"])


async def export(visit: Visit, form: Form) -> Response:
    """Send all keys of an order as a file."""
    order_no = order_no_of(visit)
    kind = "CSV" if form.text("format") == "CSV" else "TXT"
    try:
        file = await act(visit, "keys_export", **order_ref(visit, order_no), format=kind)
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    response = Response(file["content"], media_type=_MEDIA_TYPES[kind])
    response.headers["content-disposition"] = f'attachment; filename="{file["fileName"]}"'
    return response


async def give_back(visit: Visit, form: Form) -> Response:
    """Give back unopened keys of a line: so many, or all of them."""
    order_no = order_no_of(visit)
    try:
        await act(
            visit,
            "unrevealed_return",
            **order_ref(visit, order_no),
            lineId=form.text("line"),
            quantity=form.number("quantity"),
            idempotencyKey=form.text("idempotency_key"),
        )
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return go_to(f"{order_path(order_no)}?payment=returned")
