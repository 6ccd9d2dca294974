"""An order's page: what it waits for, what can be done with it, and its payment."""

import hmac
import re
from typing import Any, Final

from starlette.responses import Response

from web.asking import PageRefused, Problem, Refused, act, ask
from web.buying import start_payment
from web.forms import Form, new_key
from web.pages import go_to, show
from web.visit import KEEP_ORDER_SECONDS, NEW_ORDER, ORDER_TOKEN, Visit, order_path

_ORDER_NO: Final = re.compile(r"[A-Z0-9-]{1,40}", re.ASCII)
_GUEST_TOKEN: Final = re.compile(r"kmg_[A-Za-z0-9_-]{8,96}", re.ASCII)
_NOTES: Final = frozenset({"failed", "waiting", "canceled", "returned", "corrected"})
# How a channel says on the buyer's return that no money is on its way.
_FAILED: Final = "failed"
#: Parts are paid at once, and not with another credit.
_FOR_PARTS: Final = frozenset({"WALLET", "CARD", "ALIPAY", "WECHAT_PAY", "UNIONPAY"})


async def order_page(visit: Visit) -> Response:
    """Show an order to its buyer; a link with a guest's token opens it."""
    order_no = order_no_of(visit)
    token = visit.request.query_params.get("t")
    if token is not None:
        return await _opened_by_link(visit, order_no, token)
    note = visit.request.query_params.get("payment")
    return await show_order(visit, order_no, note=note if note in _NOTES else None)


async def show_order(
    visit: Visit, order_no: str, *, note: str | None = None, problem: Problem | None = None
) -> Response:
    """Show an order, with a note or a problem; 404 for anybody else's."""
    token = visit.order_token(order_no)
    data = await _order_data(visit, order_no, token)
    order = data["order"]
    me = data.get("me")
    link = f"{visit.context.origin}{order_path(order_no)}?t={token}"
    response = show(
        visit,
        "order.html",
        order=order,
        methods=order["paymentMethods"],
        cards=await _cards(visit, order),
        **await _in_parts(visit, order_no),
        wallet=me["wallet"] if me else None,
        link=link if token and visit.is_new(order_no) else None,
        returnable=_returnable(order),
        unopened=any(map(_unopened, order["lines"])),
        in_hand=[(line, key) for line in order["lines"] for key in line["keys"] if _here(key)],
        note=note,
        problem=problem,
        idempotency_key=new_key(),
    )
    if visit.is_new(order_no):
        visit.drop(response, NEW_ORDER, path=order_path(order_no))
    return response


async def _cards(visit: Visit, order: dict[str, Any]) -> list[dict[str, Any]]:
    """The customer's kept cards, where one of them can pay."""
    takes_cards = any(method["code"] == "CARD" for method in order["paymentMethods"])
    if visit.context.customer_id is None or not takes_cards:
        return []
    cards: list[dict[str, Any]] = (await ask(visit, "saved_cards"))["me"]["savedCards"]
    return cards


async def _in_parts(visit: Visit, order_no: str) -> dict[str, Any]:
    """How a customer's order is paid in parts, or may be, and by what; nothing for a guest."""
    if visit.context.customer_id is None:
        return {"plans": [], "plan": None, "part_methods": []}
    data = await ask(visit, "instalments", no=order_no)
    found = data["instalments"] or {"offers": [], "plan": None}
    methods = [one for one in data["storefront"]["paymentMethods"] if one["code"] in _FOR_PARTS]
    return {"plans": found["offers"], "plan": found["plan"], "part_methods": methods}


async def back_from_channel(visit: Visit) -> Response:
    """Ask the channel what became of the payment, and show the order.

    Only what the channel says counts; what the address says is a hint for the words we choose.
    """
    order_no = order_no_of(visit)
    try:
        changed = await act(visit, "payment_refresh", **order_ref(visit, order_no))
    except Refused:  # the one refusal there is: it is not this visitor's order
        raise PageRefused(404) from None
    path = order_path(order_no)
    if changed["order"]["status"] != "PENDING_PAYMENT":
        return go_to(path)
    failed = visit.request.query_params.get("redirect_status") == _FAILED
    return go_to(f"{path}?payment={'failed' if failed else 'waiting'}")


async def pay(visit: Visit, form: Form) -> Response:
    """Start another payment of an order that waits for its money."""
    order_no = order_no_of(visit)
    try:
        address = await start_payment(
            visit, order_no, form, guest_token=visit.order_token(order_no)
        )
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return go_to(address)


async def cancel(visit: Visit, form: Form) -> Response:
    """Cancel an unpaid order."""
    order_no = order_no_of(visit)
    try:
        await act(visit, "order_cancel", **order_ref(visit, order_no))
    except Refused as refused:
        return await show_order(visit, order_no, problem=refused.problem)
    return go_to(f"{order_path(order_no)}?payment=canceled")


def order_ref(visit: Visit, order_no: str) -> dict[str, Any]:
    """Name an order to the schema, with the token that this browser holds."""
    return {"orderNo": order_no, "guestToken": visit.order_token(order_no)}


def order_no_of(visit: Visit) -> str:
    """Read the order's number out of the address; 404 for what is none."""
    order_no: str = visit.request.path_params["no"]
    if not _ORDER_NO.fullmatch(order_no):
        raise PageRefused(404)
    return order_no


async def _order_data(visit: Visit, order_no: str, token: str | None) -> dict[str, Any]:
    data = await ask(visit, "order", no=order_no, guestToken=token)
    if data["order"] is None:
        raise PageRefused(404)
    return data


async def _opened_by_link(visit: Visit, order_no: str, token: str) -> Response:
    """Move a good token from the address, where it would be seen, into the browser's cookie."""
    held = visit.order_token(order_no) or ""
    if not _GUEST_TOKEN.fullmatch(token):
        raise PageRefused(404)
    await _order_data(visit, order_no, token)
    response = go_to(order_path(order_no))
    if not hmac.compare_digest(held.encode(), token.encode()):
        visit.keep(
            response,
            ORDER_TOKEN,
            token,
            ttl_seconds=KEEP_ORDER_SECONDS,
            path=order_path(order_no),
        )
    return response


def _here(key: dict[str, Any]) -> bool:
    """True for a key that the buyer has not given back."""
    return key["returnedAt"] is None


def _unopened(line: dict[str, Any]) -> int:
    """How many keys of a line nobody has opened: so many can be given back, but for what a person
    has delivered."""
    if line["manual"] is not None:
        return 0
    return sum(1 for key in line["keys"] if _here(key) and key["revealedAt"] is None)


def _returnable(order: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines with keys to give back, and how many."""
    counted = [{**line, "unopened": _unopened(line)} for line in order["lines"]]
    return [line for line in counted if line["unopened"]]
