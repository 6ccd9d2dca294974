"""The web process: request guard, the shop of each request, GraphQL, webhooks, pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.guard import GuardSettings, RequestGuard
from entrypoints.tenancy import TenantOfRequest, bearer_token
from entrypoints.webhooks import stripe_webhook
from kernel import db, valkey
from kernel.clock import monotonic_seconds
from kernel.errors import Forbidden
from kernel.log import configure_logging
from kernel.settings import Settings, settings
from schema.context import Context, caller_of, context_of
from schema.root import build_schema
from web.app import web_routes

_ROUTES_TO_API: Final = (Route, WebSocketRoute)


class ShopGraphQL(GraphQL[Context, None]):
    """GraphQL over HTTP and WebSocket, with the request's shop and caller as its context."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """This function will say who asks; raises `Forbidden` for a token that is no good."""
        token = bearer_token(request.headers.get("authorization", ""))
        return await context_of(request, token=token)

    async def on_ws_connect(self, context: Context) -> None:
        """A browser cannot set headers on a socket: its token comes with connection_init."""
        parameters = getattr(context, "connection_params", None) or {}
        given = parameters.get("authorization") if isinstance(parameters, dict) else None
        if isinstance(given, str):
            context.token = bearer_token(given)
            try:
                context.caller = await caller_of(context.token, context.shop)
            except Forbidden as refused:
                raise ConnectionRejectionError from refused  # the protocol's 4403

    def encode_json(self, data: object) -> str:
        """This function will write JSON with orjson."""
        return orjson.dumps(data).decode()  # text: a socket would send bytes as a binary frame


_healthy_until = 0.0


async def healthz(request: Request) -> Response:
    """Alive, and whether the database answers; 503 while it does not.

    Anybody may ask: so the answer is remembered for a second, and no checkout waits behind it.
    """
    global _healthy_until
    if monotonic_seconds() < _healthy_until:
        return JSONResponse({"status": "ok"})
    try:
        async with db.transaction(db.Scope(db.SHOP), read_only=True):
            await db.fetch_value("select 1")
        _healthy_until = monotonic_seconds() + 1.0
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
        build_schema(production=config.production, compiled=config.compiled_execution),
        graphql_ide=None if config.production else "graphiql",
        allow_queries_via_get=False,
        subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
        connection_init_wait_timeout=timedelta(seconds=10),
        max_subscriptions_per_connection=20,
    )
    routes: list[Any] = [
        Route("/healthz", healthz),
        Route("/payments/stripe/webhook", stripe_webhook, methods=["POST"]),
        # Both spellings are the API: a redirect would lose the body of a client's POST.
        *(route(path, graphql) for path in ("/graphql", "/graphql/") for route in _ROUTES_TO_API),
        *web_routes(),
    ]
    # Inside Starlette's own error page: what it answers for must not be answered twice.
    middleware = [Middleware(TenantOfRequest)]
    return RequestGuard(
        Starlette(routes=routes, lifespan=lifespan, middleware=middleware),
        settings=GuardSettings.usual(
            deadline_seconds=config.request_deadline_seconds,
            max_concurrent=config.max_concurrent_requests,
        ),
    )
