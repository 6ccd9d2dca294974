"""The routes of the shop's pages."""

from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from web import (
    account,
    affiliate_links,
    by_hand,
    cart,
    catalogue,
    confirming,
    instalments,
    keys,
    orders,
    passwords,
)
from web.pages import FormHandler, Page, form, page
from web.storefront import SHEET, theme_sheet

_STATIC: Final = Path(__file__).parent / "static"
_KEEP_STATIC: Final = "public, max-age=3600"


class _Static(StaticFiles):
    """Files that are the same for everybody, and may be kept for an hour."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = _KEEP_STATIC
        return response


def web_routes() -> list[BaseRoute]:
    """List every page of a shop."""
    return [
        Mount("/static", _Static(directory=_STATIC)),
        _shows("/", catalogue.front_page),
        _shows("/c/{slug}", catalogue.category_page),
        _shows("/p/{slug}", catalogue.product_page),
        _shows("/texts/{name}", catalogue.text_page),
        Route("/a/{code}", affiliate_links.follow, methods=["GET"]),
        Route(SHEET, theme_sheet, methods=["GET"]),
        _takes("/confirm", confirming.confirm),
        _takes("/buy", confirming.buy_or_look),
        _shows("/cart", cart.cart_page),
        _takes("/cart/add", cart.add),
        _takes("/cart/update", cart.update),
        _takes("/cart/remove", cart.remove),
        _takes("/cart/coupons", cart.use_coupons),
        _takes("/cart/order", cart.order),
        _shows("/o/{no}", orders.order_page),
        _shows("/o/{no}/return", orders.back_from_channel),
        _takes("/o/{no}/pay", orders.pay),
        _takes("/o/{no}/cancel", orders.cancel),
        _takes("/o/{no}/begin-plan", instalments.begin),
        _takes("/o/{no}/pay-part", instalments.pay_next),
        _takes("/o/{no}/reveal", keys.reveal),
        _takes("/o/{no}/export", keys.export),
        _takes("/o/{no}/give-back", keys.give_back),
        _takes("/o/{no}/correct", by_hand.correct),
        _takes("/o/{no}/cancel-line", by_hand.cancel_line),
        _shows("/sign-in", account.sign_in_page),
        _takes("/sign-in", account.sign_in),
        _shows("/sign-up", account.sign_up_page),
        _takes("/sign-up", account.sign_up),
        _takes("/sign-out", account.sign_out),
        _shows("/account", account.account_page),
        _takes("/account/top-up", account.top_up),
        _takes("/account/redeem", account.redeem),
        _takes("/account/forget", account.forget),
        _takes("/account/card-remove", account.remove_card),
        _takes("/account/password", passwords.change),
        _shows("/forgot", passwords.forgot_page),
        _takes("/forgot", passwords.forgot),
        _shows("/reset", passwords.reset_page),
        _takes("/reset", passwords.reset),
    ]


def _shows(path: str, handler: Page) -> Route:
    return Route(path, page(handler), methods=["GET"])


def _takes(path: str, handler: FormHandler) -> Route:
    return Route(path, form(handler), methods=["POST"])
