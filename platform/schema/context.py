"""Who asks, in which shop, from where: made once a request, before anything is resolved."""

from dataclasses import dataclass
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection

from identity.client_uses import client_uses
from identity.models import TokenKind
from identity.rights import columns_of
from identity.tokens import Caller, authenticate, recognise
from kernel import crypto, db
from kernel.errors import Forbidden
from kernel.settings import settings
from orders.drafts import Buyer
from orders.records import Viewer
from orders.reveal import Witness
from schema.address import client_address
from schema.field_table.roles import PURCHASERS
from tenants.directory import Shop
from tenants.founding import host_of

ANONYMOUS = "ANONYMOUS"


@dataclass(slots=True)
class Context:
    """One request: its shop and its caller. Resolvers read it and never the request itself."""

    shop: Shop
    caller: Caller | None
    ip: str
    user_agent: str
    english: bool
    origin: str
    """Scheme, host and port under which the buyer came: where a channel sends the buyer back."""
    token: str | None = None
    caller_is_remembered: bool = False
    """The caller was asked for a moment ago, not for this request: good for reading."""

    @property
    def platforms_origin(self) -> str:
        """The same at the shop's host below the platform's own, which nobody leads elsewhere."""
        scheme, _, host = self.origin.partition("://")
        _, colon, port = host.partition(":")
        return f"{scheme}://{host_of(self.shop.slug)}{colon}{port}"

    @property
    def roles(self) -> frozenset[str]:
        """The caller's columns in the role × field table."""
        if self.caller is None:
            return frozenset({ANONYMOUS})
        if self.caller.kind is TokenKind.STAFF:
            return columns_of(self.caller.roles)
        if self.caller.kind is TokenKind.API_CLIENT:
            return self.caller.scopes
        return frozenset({str(self.caller.kind)})

    @property
    def customer_id(self) -> UUID | None:
        """The signed-in customer; None for everybody else."""
        if self.caller is not None and self.caller.kind is TokenKind.CUSTOMER:
            return self.caller.principal_id
        return None

    @property
    def is_buyer(self) -> bool:
        """True for a guest and for a customer."""
        return self.caller is None or self.caller.kind is TokenKind.CUSTOMER

    @property
    def is_operator(self) -> bool:
        """True for the platform's own people."""
        return self.caller is not None and self.caller.kind is TokenKind.OPERATOR

    @property
    def buyer(self) -> Buyer:
        """The caller as a buyer; the order is made only while the token is good."""
        return Buyer(self.customer_id, self._customers_token_hash)

    @property
    def _customers_token_hash(self) -> bytes | None:
        return crypto.token_hash(self.token) if self.token and self.customer_id else None

    @property
    def buys_at_cost(self) -> bool:
        """True for who buys for the shop itself."""
        return not PURCHASERS.isdisjoint(self.roles)

    @property
    def actor(self) -> str:
        """How records name the caller."""
        if self.caller is None:
            return "guest"
        return f"{self.caller.kind.lower()}:{self.caller.principal_id}"

    @property
    def witness(self) -> Witness:
        """The caller as the evidence of a reveal names it."""
        return Witness(self.actor, self.ip or None, self.user_agent)

    def viewer(self, guest_token: str | None = None) -> Viewer:
        """Which orders the caller may see: its own, the one whose token it holds, or for who buys
        for the shop, what that has bought at cost."""
        return Viewer(
            customer_id=self.customer_id,
            guest_token=guest_token,
            token_hash=self._customers_token_hash,
            purchases=self.buys_at_cost,
        )

    def core(self) -> db.Scope:
        """The scope of a transaction that prices this shop's path or moves its money."""
        return db.core_scope(self.shop.id, path=self.shop.path)

    def words(self, zh: str, en: str) -> str:
        """The text in the caller's language."""
        return (en or zh) if self.english else (zh or en)


Info = strawberry.Info[Context, None]


async def caller_of(token: str | None, shop: Shop, *, ip: str) -> Caller | None:
    """Who holds this token in this shop; raises `Forbidden` for a token that is no good here.

    `ip` is the caller's address: an API client may be bound to networks.

    A shop's token opens that shop only, a supplier's the platform's own. An operator acts in
    every shop, one at a time: in the shop at whose address the request is.
    """
    if token is None:
        return None
    caller = await authenticate(token, ip=ip)
    return _welcome(caller, shop)


def _welcome(caller: Caller | None, shop: Shop) -> Caller:
    if caller is None or not _at_home(caller, shop):
        raise _ended()
    if caller.kind is TokenKind.API_CLIENT:
        client_uses.note(shop.id, caller.principal_id)
    return caller


def _at_home(caller: Caller, shop: Shop) -> bool:
    if caller.tenant_id is not None:
        return caller.tenant_id == shop.id
    return caller.kind is TokenKind.OPERATOR or len(shop.levels) == 1


async def confirm_caller(context: Context) -> None:
    """Ask anew for a caller that was only remembered, before a change.

    Raises `Forbidden` when the token has ended, or speaks for less than a moment ago.
    """
    if not context.caller_is_remembered:
        return
    if await caller_of(context.token, context.shop, ip=context.ip) != context.caller:
        raise _ended()
    context.caller_is_remembered = False


def _ended() -> Forbidden:
    return Forbidden("This token has ended, or is not for this shop: sign in again.")


def prefers_english(shop: Shop, accept_language: str) -> bool:
    """Choose between the two languages: the caller's, else the shop's."""
    wanted = accept_language.lower()
    return wanted.startswith("en") or (not wanted.startswith("zh") and shop.locale == "en")


async def context_of(connection: HTTPConnection, *, token: str | None) -> Context:
    """Make the context of a request whose shop stands on its scope.

    The caller has found the token: the API in its header, a page in its cookie. Raises
    `Forbidden` for a token that is no good here.
    """
    shop: Shop = connection.scope["kameng.shop"]
    headers = connection.headers
    # A proxy that ends TLS talks plain HTTP to us: only the settings know the buyer's scheme.
    ip = client_address(connection)
    caller, is_remembered = await _caller_of_request(connection, token, shop, ip)
    scheme = (
        "https" if settings().public_scheme == "https" else connection.scope.get("scheme", "http")
    )
    return Context(
        shop=shop,
        caller=caller,
        ip=ip,
        user_agent=headers.get("user-agent", "")[:300],
        english=prefers_english(shop, headers.get("accept-language", "")),
        origin=f"{scheme}://{headers.get('host', '')}",
        token=token,
        caller_is_remembered=is_remembered,
    )


async def _caller_of_request(
    connection: HTTPConnection, token: str | None, shop: Shop, ip: str
) -> tuple[Caller | None, bool]:
    """Who asks, and whether from memory. A socket lives long: its caller is asked for."""
    if token is None or connection.scope["type"] != "http":
        return await caller_of(token, shop, ip=ip), False
    caller, is_remembered = await recognise(token, ip=ip)
    return _welcome(caller, shop), is_remembered
