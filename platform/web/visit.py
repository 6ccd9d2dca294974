"""One visit of a page: who asks, from which browser, and what the browser keeps for us.

The session's cookie is honoured here and nowhere else. It is the customer's bearer token, so what
a page may do is what its customer may do.
"""

import re
from dataclasses import dataclass, field
from typing import TypeGuard

from starlette.requests import Request
from starlette.responses import Response

from kernel import crypto
from kernel.errors import Forbidden
from schema.context import Context, context_of
from tenants.storefronts.showing import NOTHING_SAID, Storefront, storefront
from web.storefront import Front, front_of

SESSION = "session"
VISITOR = "visitor"
ORDER_TOKEN = "order"  # noqa: S105 - a cookie's name
NEW_ORDER = "new-order"
CART = "cart"
CLICK = "click"
KEEP_CART_SECONDS = 30 * 24 * 3600
KEEP_ORDER_SECONDS = 90 * 24 * 3600
_KEEP_VISITOR_SECONDS = 365 * 24 * 3600
_CUSTOMER_TOKEN = re.compile(r"kmc_[A-Za-z0-9_-]{8,96}")
_CART_TOKEN = re.compile(r"kmk_[A-Za-z0-9_-]{27}")
_VISITOR = re.compile(r"kmv_[A-Za-z0-9_-]{27}")


@dataclass(slots=True)
class Visit:
    """One request of a browser to a page."""

    request: Request
    context: Context
    visitor: str
    """A random name of this browser, to which its forms are bound."""
    _written: set[str] = field(default_factory=set)
    """The cookies that this visit's answer sets or drops."""
    said: Storefront = NOTHING_SAID
    """What the shop shows of itself."""

    @property
    def front(self) -> Front:
        """The shop's looks and words in the visitor's language."""
        return front_of(self.context.shop, self.said, english=self.context.english)

    @property
    def secure(self) -> bool:
        """True when the buyer comes over https, so that cookies may be marked so."""
        return self.context.origin.startswith("https:")

    @property
    def csrf_token(self) -> str:
        """What every form carries: only we can make it, and only for this browser."""
        return crypto.derived_token("form", self.visitor)

    def cookie(self, name: str) -> str | None:
        """Read a cookie of ours."""
        return self.request.cookies.get(self._cookie_name(name, path="/"))

    @property
    def cart_token(self) -> str | None:
        """The token of a guest's cart; None for whoever is signed in."""
        held = self.cookie(CART)
        known = self.context.customer_id is None and held and _CART_TOKEN.fullmatch(held)
        return held if known else None

    def order_token(self, order_no: str) -> str | None:
        """Read the token of a guest's order; its cookie is the order's own."""
        path = order_path(order_no)
        return self.request.cookies.get(self._cookie_name(ORDER_TOKEN, path=path))

    def is_new(self, order_no: str) -> bool:
        """True until the guest has seen the order's link once."""
        path = order_path(order_no)
        return self._cookie_name(NEW_ORDER, path=path) in self.request.cookies

    def keep(
        self, response: Response, name: str, value: str, *, ttl_seconds: int, path: str = "/"
    ) -> None:
        """Put a cookie into the browser; no script can read it."""
        self._written.add(name)
        response.set_cookie(
            self._cookie_name(name, path=path),
            value,
            max_age=ttl_seconds,
            path=path,
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def drop(self, response: Response, name: str, *, path: str = "/") -> None:
        """Take a cookie out of the browser."""
        self._written.add(name)
        response.delete_cookie(
            self._cookie_name(name, path=path),
            path=path,
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def settle_cookies(self, response: Response) -> None:
        """Name a new browser, and forget a session that is no good any more."""
        if self.cookie(VISITOR) != self.visitor:
            self.keep(response, VISITOR, self.visitor, ttl_seconds=_KEEP_VISITOR_SECONDS)
        ended = self.cookie(SESSION) is not None and self.context.token is None
        if ended and SESSION not in self._written:
            self.drop(response, SESSION)

    def _cookie_name(self, name: str, *, path: str) -> str:
        """Over https the prefix keeps neighbours on the same domain from setting our cookies."""
        if not self.secure:
            return f"kameng-{name}"
        return f"__Host-kameng-{name}" if path == "/" else f"__Secure-kameng-{name}"


def is_visitor(name: str | None) -> TypeGuard[str]:
    """Whether a cookie is a browser's name as we give them."""
    return name is not None and _VISITOR.fullmatch(name) is not None


def order_path(order_no: str) -> str:
    """Give the path of an order's page."""
    return f"/o/{order_no}"


async def visit_of(request: Request) -> Visit:
    """Begin a visit; a session that has ended leaves a guest, not an error."""
    visit = Visit(request, await context_of(request, token=None), crypto.new_token("kmv"))
    visit.said = await storefront(visit.context.shop)
    known = visit.cookie(VISITOR)
    if is_visitor(known):
        visit.visitor = known
    held = visit.cookie(SESSION)
    if held is not None and _CUSTOMER_TOKEN.fullmatch(held):
        try:
            visit.context = await context_of(request, token=held)
        except Forbidden:
            return visit
    return visit
