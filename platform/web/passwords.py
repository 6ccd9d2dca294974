"""A customer's password: changed on the account's page, or set anew by a link that was sent."""

import re
from typing import Final

from starlette.responses import Response

from web.account import ACCOUNT, show_account
from web.asking import PageRefused, Refused, act
from web.forms import Form
from web.pages import go_to, show
from web.visit import SESSION, Visit

_TOKEN: Final = re.compile(r"kmp_[A-Za-z0-9_-]{27}", re.ASCII)


async def change(visit: Visit, form: Form) -> Response:
    """Set another password for whoever knows the one that is good now."""
    if visit.context.customer_id is None:
        return go_to(f"/sign-in?next={ACCOUNT}")
    passwords = {
        "currentPassword": form.texts.get("current_password", ""),
        "newPassword": form.texts.get("new_password", ""),
    }
    try:
        await act(visit, "password_change", **passwords)
    except Refused as no:
        return await show_account(visit, problem=no.problem, form=form)
    return go_to(f"{ACCOUNT}?password=changed")


async def forgot_page(visit: Visit) -> Response:
    """Show the form that asks for a link."""
    return show(visit, "forgot.html", asked=False)


async def forgot(visit: Visit, form: Form) -> Response:
    """Have a link sent; whether there is such an account is not said."""
    try:
        await act(visit, "password_reset_ask", account=form.text("account"))
    except Refused as no:
        return show(visit, "forgot.html", asked=False, problem=no.problem, filled=form)
    return show(visit, "forgot.html", asked=True)


async def reset_page(visit: Visit) -> Response:
    """Show the form of a link; whether the link is good is said when it is used."""
    token = visit.request.query_params.get("t", "")
    if not _TOKEN.fullmatch(token):
        raise PageRefused(404)
    return show(visit, "reset.html", token=token)


async def reset(visit: Visit, form: Form) -> Response:
    """Set a new password; whoever was signed in, here or elsewhere, signs in anew."""
    token = form.text("token")
    try:
        await act(visit, "password_reset", token=token,
                  newPassword=form.texts.get("new_password", ""))  # fmt: skip
    except Refused as no:
        return show(visit, "reset.html", token=token, problem=no.problem)
    response = go_to("/sign-in?password=changed")
    visit.drop(response, SESSION)
    return response
