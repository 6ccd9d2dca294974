"""The web process: request guard, the shop of each request, GraphQL, webhooks, pages."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.guard import GuardSettings, RequestGuard
from entrypoints.webhooks import stripe_webhook
from kernel import db, valkey
from kernel.errors import Forbidden
from kernel.log import configure_logging, get_logger
from kernel.settings import Settings, settings
from schema.context import Context, caller_of
from schema.root import build_schema
from tenants.directory import Shop, shop_by_host
from web.app import web_routes

log = get_logger(__name__)
_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{8,100})", re.IGNORECASE)


class ShopGraphQL(GraphQL[Context, None]):
    """GraphQL over HTTP and WebSocket, with the request's shop and caller as its context."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """This function will say who asks; raises `Forbidden` for a token that is no good."""
        return await context_of(request)

    async def on_ws_connect(self, context: Context) -> None:
        """A browser cannot set headers on a socket: its token comes with connection_init."""
        parameters = getattr(context, "connection_params", None) or {}
        given = parameters.get("authorization") if isinstance(parameters, dict) else None
        if isinstance(given, str):
            context.token = _bearer(given)
            context.caller = await caller_of(context.token, context.shop)

    def encode_json(self, data: object) -> bytes:
        """This function will write JSON with orjson."""
        return orjson.dumps(data)


async def context_of(connection: HTTPConnection) -> Context:
    """The context of a request: its shop is on the scope, its caller in its token."""
    shop: Shop = connection.scope["kameng.shop"]
    token = _bearer(connection.headers.get("authorization", ""))
    wanted = connection.headers.get("accept-language", "").lower()
    client = connection.client
    return Context(
        shop=shop,
        caller=await caller_of(token, shop),
        ip=client.host if client else "",
        user_agent=connection.headers.get("user-agent", "")[:300],
        english=wanted.startswith("en") or (not wanted.startswith("zh") and shop.locale == "en"),
        origin=f"{connection.url.scheme}://{connection.headers.get('host', '')}",
        token=token,
    )


def _bearer(header: str) -> str | None:
    match = _BEARER.fullmatch(header.strip())
    return match.group(1) if match else None


class TenantOfRequest:
    """Finds the shop before anything else runs; an unknown host is nobody's and is told so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _without_shop(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            shop = await shop_by_host(_host(scope))
        except (OSError, TimeoutError, asyncpg.PostgresError):
            await _answer(scope, receive, send, _unavailable())
            return
        if shop is None:
            await _answer(scope, receive, send, _misdirected())
            return
        scope["kameng.shop"] = shop
        try:
            await self.app(scope, receive, send)
        except Forbidden as refused:
            await _answer(scope, receive, send, _error(refused.message, "FORBIDDEN", 401))
        except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
            await _answer(scope, receive, send, _unavailable())


def _without_shop(path: str) -> bool:
    """Paths that belong to the platform and to no shop."""
    return path.startswith("/payments/") or path in ("/healthz", "/metrics")


def _host(scope: Scope) -> str:
    """The Host header. Forwarded headers are the proxy's to check: it passes Host on."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return hosts[0].decode("latin-1") if len(hosts) == 1 else ""


def _error(message: str, code: str, status: int) -> JSONResponse:
    return JSONResponse(
        {"errors": [{"message": message, "extensions": {"code": code}}]}, status_code=status
    )


def _misdirected() -> JSONResponse:
    return _error("No shop answers at this address.", "MISDIRECTED", 421)


def _unavailable() -> JSONResponse:
    response = _error("The shop is not ready: try again in a moment.", "UNAVAILABLE", 503)
    response.headers["retry-after"] = "2"
    return response


async def _answer(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).close(code=4421)
        return
    await response(scope, receive, send)


async def healthz(request: Request) -> Response:
    """Alive, and whether the database answers; 503 while it does not."""
    try:
        async with db.transaction(db.core_scope(), read_only=True):
            await db.fetch_value("select 1")
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return JSONResponse({"status": "waiting for the database"}, status_code=503)
    return JSONResponse({"status": "ok"})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Make the pools; the database itself may come later."""
    await db.connect(settings())
    try:
        yield
    finally:
        await valkey.close()
        await db.disconnect()


def create_app(config: Settings | None = None) -> ASGIApp:
    """The whole application, the guard outermost."""
    config = config or settings()
    configure_logging()
    graphql = ShopGraphQL(
        build_schema(production=config.production),
        graphql_ide=None if config.production else "graphiql",
        allow_queries_via_get=False,
        subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        connection_init_wait_timeout=timedelta(seconds=10),
        max_subscriptions_per_connection=20,
    )
    routes: list[Any] = [
        Route("/healthz", healthz),
        Route("/payments/stripe/webhook", stripe_webhook, methods=["POST"]),
        Mount("/graphql", graphql),
        *web_routes(),
    ]
    app = TenantOfRequest(Starlette(routes=routes, lifespan=lifespan))
    return RequestGuard(
        app,
        settings=GuardSettings.usual(
            deadline_seconds=config.request_deadline_seconds,
            max_concurrent=config.max_concurrent_requests,
        ),
    )
