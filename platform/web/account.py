"""A customer's account: opening it, coming in, going out, the wallet and the orders."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from kernel.clock import utc_now
from kernel.money import currency_exponent
from web.asking import Problem, Refused, act, ask
from web.buying import refused, require_method
from web.forms import Form, new_key
from web.pages import go_to, local_path, show
from web.visit import CART, SESSION, Visit

ACCOUNT: Final = "/account"
_NOTES: Final = ("failed", "waiting", "password")


async def sign_in_page(visit: Visit) -> Response:
    """Show the sign-in form; who is signed in has an account to go to."""
    return _door(visit, "sign_in.html", visit.request.query_params.get("next"))


async def sign_up_page(visit: Visit) -> Response:
    """Show the form that opens an account."""
    return _door(visit, "sign_up.html", visit.request.query_params.get("next"))


async def sign_in(visit: Visit, form: Form) -> Response:
    """Exchange a password for a session and go where the visitor was going."""
    entered = {
        "account": form.text("account"),
        "password": form.texts.get("password", ""),
        "cartToken": visit.cart_token,
    }
    try:
        signed_in = await act(visit, "sign_in", **entered)
    except Refused as no:
        return _shown_again(visit, "sign_in.html", form, no.problem)
    return _come_in(visit, form, signed_in)


async def sign_up(visit: Visit, form: Form) -> Response:
    """Open an account and begin its session."""
    account = form.text("account")
    try:
        if not account:
            raise refused(visit, "account", "请填写邮箱或手机号。", "Enter your e-mail or phone.")
        signed_in = await act(
            visit,
            "sign_up",
            email=account if "@" in account else None,
            phone=None if "@" in account else account,
            password=form.texts.get("password", ""),
            cartToken=visit.cart_token,
        )
    except Refused as no:
        return _shown_again(visit, "sign_up.html", form, no.problem)
    return _come_in(visit, form, signed_in)


async def sign_out(visit: Visit, form: Form) -> Response:
    """End the session, here and for whoever copied it."""
    if visit.context.customer_id is not None:
        await act(visit, "sign_out")
    response = go_to("/")
    visit.drop(response, SESSION)
    return response


async def account_page(visit: Visit) -> Response:
    """Show the wallet and the orders; a guest is asked to sign in.

    A channel sends the buyer of a top-up back to here, with a secret of its own in the address;
    the address is cleared, and only the hint stays.
    """
    query = visit.request.query_params
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    if "payment_intent" in query:
        failed = query.get("redirect_status") == "failed"
        return go_to(f"{ACCOUNT}?top-up={'failed' if failed else 'waiting'}")
    return await show_account(visit)


async def top_up(visit: Visit, form: Form) -> Response:
    """Start adding money to the wallet and lead to the channel."""
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    currency = visit.context.shop.currency
    try:
        amount_minor = _amount_minor(visit, form.text("amount"), currency)
        started = await act(
            visit,
            "wallet_top_up",
            amount={"amountMinor": amount_minor, "currency": currency},
            method=require_method(visit, form),
            idempotencyKey=form.text("idempotency_key"),
        )
    except Refused as no:
        return await show_account(visit, problem=no.problem, form=form)
    if started["transfer"] is not None:
        return await show_account(visit, transfer=started["transfer"])
    address: str | None = started["actionUrl"]
    return go_to(address or ACCOUNT)


async def redeem(visit: Visit, form: Form) -> Response:
    """Put a voucher's worth into the wallet."""
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    try:
        redeemed = await act(visit, "voucher_redeem", code=form.text("code"))
    except Refused as no:
        return await show_account(visit, problem=no.problem, form=form)
    return await show_account(visit, redeemed=redeemed["amount"])


async def forget(visit: Visit, form: Form) -> Response:
    """Delete a text that was kept for the next time; one that is gone already is no mistake."""
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    with suppress(Refused):
        await act(visit, "contact_forget", contactId=form.text("contact"))
    return go_to(ACCOUNT)


async def remove_card(visit: Visit, form: Form) -> Response:
    """Keep a card no longer; one that is gone already is no mistake."""
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    with suppress(Refused):
        await act(visit, "saved_card_remove", cardId=form.text("card"))
    return go_to(ACCOUNT)


async def show_account(
    visit: Visit,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
    transfer: dict[str, Any] | None = None,
    redeemed: dict[str, Any] | None = None,
) -> Response:
    """Show the account: with what is to be transferred, or what was redeemed; with a problem, its
    forms as they were filled in, passwords left out."""
    query = visit.request.query_params
    data = await ask(visit, "account", after=query.get("after"))
    note = "password" if _password_changed(visit) else query.get("top-up")
    return show(
        visit,
        "account.html",
        me=data["me"],
        orders=[edge["node"] for edge in data["orders"]["edges"]],
        next_page=data["orders"]["pageInfo"],
        entries=[edge["node"] for edge in data["pointsEntries"]["edges"]],
        methods=[m for m in data["storefront"]["paymentMethods"] if m["topsUp"]],
        currency=visit.context.shop.currency,
        idempotency_key=new_key(),
        note=note if note in _NOTES else None,
        problem=problem,
        filled=form,
        transfer=transfer,
        redeemed=redeemed,
    )


def _amount_minor(visit: Visit, text: str, currency: str) -> int:
    """An amount as people write it, "50" or "50.5", in minor units; `Refused` for others."""
    whole, _, decimals = text.partition(".")
    exponent = currency_exponent(currency)
    digits = (whole + decimals).isascii() and (whole + decimals).isdigit()
    if not digits or not 1 <= len(whole) <= 9 or len(decimals) > exponent:
        raise refused(visit, "amount", "请输入有效的金额。", "Enter an amount of money.")
    return int(whole + decimals.ljust(exponent, "0"))


def _door(visit: Visit, template: str, next_path: str | None) -> Response:
    target = local_path(next_path, otherwise=ACCOUNT)
    if visit.context.customer_id is not None:
        return go_to(target)
    return show(visit, template, next_path=target, password_changed=_password_changed(visit))


def _password_changed(visit: Visit) -> bool:
    return visit.request.query_params.get("password") == "changed"


def _shown_again(visit: Visit, template: str, form: Form, problem: Problem) -> Response:
    """The form with what was entered; the template leaves the password out."""
    target = local_path(form.text("next"), otherwise=ACCOUNT)
    return show(
        visit, template, next_path=target, password_changed=False, problem=problem, filled=form
    )


def _come_in(visit: Visit, form: Form, signed_in: dict[str, Any]) -> Response:
    """Give the browser its session for as long as the token lives."""
    ends = datetime.fromisoformat(signed_in["expiresAt"])
    response = go_to(local_path(form.text("next"), otherwise=ACCOUNT))
    ttl_seconds = max(1, int((ends - utc_now()).total_seconds()))
    visit.keep(response, SESSION, signed_in["token"], ttl_seconds=ttl_seconds)
    visit.drop(response, CART)
    return response
