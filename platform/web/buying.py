"""Buying: the product's form becomes an order, and the order a payment."""

import re
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response

from kernel.settings import settings
from web.asking import Problem, Refused, act
from web.coupons import codes_in
from web.forms import Form
from web.pages import go_to
from web.visit import CLICK, KEEP_ORDER_SECONDS, NEW_ORDER, ORDER_TOKEN, Visit, order_path

WALLET: Final = "WALLET"
_CARD: Final = "CARD"
_HOSTED: Final = "HOSTED"
_CHOICE: Final = re.compile(r"(sku_\w{26})\.(ofr_\w{26})\.([0-9]{1,15})", re.ASCII)
_AMOUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


async def buy(visit: Visit, form: Form) -> Response:
    """Make the order and go on to its payment; a repeated form does it once.

    Raises `Refused`.
    """
    made = await act(visit, "quick_buy", **_wish(visit, form))
    await remember_contact(visit, form)
    if form.text("method") == WALLET:
        return go_to(order_path(made["order"]["no"]))
    return await pay_for(visit, form, made)


async def pay_for(visit: Visit, form: Form, made: dict[str, Any]) -> Response:
    """Lead from an order that was just made to its payment."""
    order_no, guest_token = made["order"]["no"], made["guestToken"]
    try:
        address = await start_payment(visit, order_no, form, guest_token=guest_token)
    except Refused:
        # The order stands and holds its keys: its page offers the other ways to pay.
        address = f"{order_path(order_no)}?payment=failed"
    response = go_to(address)
    if guest_token is not None:
        _hand_over(visit, response, order_no, guest_token)
    return response


async def remember_contact(visit: Visit, form: Form) -> None:
    """Keep a customer's contact for the next time, if the customer has ticked that."""
    contact = form.text("contact")
    if visit.context.customer_id is None or not contact or not form.text("remember"):
        return
    with suppress(Refused):  # any text is a contact; only addresses and numbers are kept
        await act(visit, "contact_save", kind="EMAIL" if "@" in contact else "PHONE", value=contact)


async def start_payment(visit: Visit, order_no: str, form: Form, *, guest_token: str | None) -> str:
    """Start a payment and say where the buyer goes on.

    Raises `Refused`. A repeated form finds the payment that it has started.
    """
    started = await act(
        visit,
        "payment_start",
        orderNo=order_no,
        method=require_method(visit, form),
        mode=mode_of(form),
        savedCardId=saved_card_of(form),
        saveCard=saves_card(form),
        idempotencyKey=f"{form.text('idempotency_key')}-pay",
        guestToken=guest_token,
        returnPath=f"{order_path(order_no)}/return",
    )
    address: str | None = started["actionUrl"]
    return address or order_path(order_no)


def require_method(visit: Visit, form: Form) -> str:
    """Read the way to pay; `Refused` when none of the offered is chosen."""
    method = form.text("method").partition(".")[0]
    if method not in (WALLET, *visit.context.shop.payment_methods):
        raise refused(visit, "method", "请选择支付方式。", "Choose a way to pay.")
    return method


def mode_of(form: Form) -> str | None:
    """Read where it is paid: "CARD.HOSTED" is a card on the channel's own page, and so is every
    card where these pages, which run no script, have none to enter it on."""
    method, _, mode = form.text("method").partition(".")
    in_page = method != _CARD or settings().stripe_card_page or saved_card_of(form)
    return _HOSTED if mode == _HOSTED or not in_page else None


def saved_card_of(form: Form) -> str | None:
    """Read which of the customer's cards pays: "CARD.crd_…"."""
    chosen = form.text("method").partition(".")[2]
    return chosen if chosen.startswith("crd_") else None


def saves_card(form: Form) -> bool:
    """Whether a card that is entered now is to be kept, by the customer's own tick."""
    is_new = form.text("method").partition(".")[0] == _CARD and saved_card_of(form) is None
    return is_new and bool(form.text("save_card"))


def refused(visit: Visit, field: str, zh: str, en: str) -> Refused:
    """Build the refusal of an input that never reached the schema."""
    return Refused(Problem("VALIDATION", visit.context.words(zh, en), field))


def require_choice(visit: Visit, form: Form) -> tuple[str, str, int]:
    """Read the SKU, the offer and its price in minor units; `Refused` when nothing is chosen."""
    choice = _CHOICE.fullmatch(form.text("choice"))
    if choice is None:
        raise refused(visit, "choice", "请选择要购买的规格。", "Choose what to buy.")
    sku_id, offer_id, unit_price_minor = choice.groups()
    return sku_id, offer_id, int(unit_price_minor)


def require_quantity(visit: Visit, form: Form) -> int:
    """Read how many; `Refused` for what is no such number."""
    quantity = form.number("quantity")
    if not quantity or quantity > 100_000:
        raise refused(visit, "quantity", "数量至少为 1。", "The quantity is at least 1.")
    return quantity


def _wish(visit: Visit, form: Form) -> dict[str, Any]:
    """The form as the schema's input; the total is what the buyer saw: that of the page before the
    order, or the product page's price times the quantity."""
    sku_id, offer_id, unit_price_minor = require_choice(visit, form)
    quantity = require_quantity(visit, form)
    method = require_method(visit, form)
    seen = form.text("total")
    total_minor = int(seen) if _AMOUNT.fullmatch(seen) else unit_price_minor * quantity
    codes = codes_in(form.text("applied"))
    return {
        "skuId": sku_id,
        "offerId": offer_id,
        "quantity": quantity,
        "expectedTotal": {
            "amountMinor": min(total_minor, 2**53 - 1),
            "currency": visit.context.shop.currency,
        },
        "couponCodes": list(codes) or None,
        "idempotencyKey": form.text("idempotency_key"),
        "contact": form.text("contact") or None,
        "affiliateCode": form.text("affiliate_code") or None,
        "affiliateClick": visit.cookie(CLICK),
        "payment": WALLET if method == WALLET else None,
        "form": form.said_values or None,
        "redeemPoints": form.number("redeemed") or None,
    }


def _hand_over(visit: Visit, response: Response, order_no: str, guest_token: str) -> None:
    """Give a guest's browser the order's token, and the mark that its link is yet to be shown."""
    path = order_path(order_no)
    visit.keep(response, ORDER_TOKEN, guest_token, ttl_seconds=KEEP_ORDER_SECONDS, path=path)
    visit.keep(response, NEW_ORDER, "1", ttl_seconds=KEEP_ORDER_SECONDS, path=path)
