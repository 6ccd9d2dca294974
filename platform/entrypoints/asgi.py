"""The web process: request guard, the shop of each request, GraphQL, webhooks, pages."""

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
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.guard import GuardSettings, RequestGuard
from entrypoints.tenancy import TenantOfRequest, bearer_token
from entrypoints.webhooks import stripe_webhook
from kernel import db, valkey
from kernel.log import configure_logging
from kernel.settings import Settings, settings
from schema.context import Context, caller_of
from schema.root import build_schema
from tenants.directory import Shop
from web.app import web_routes


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
            context.token = bearer_token(given)
            context.caller = await caller_of(context.token, context.shop)

    def encode_json(self, data: object) -> str:
        """This function will write JSON with orjson."""
        return orjson.dumps(data).decode()  # text: a socket would send bytes as a binary frame


async def context_of(connection: HTTPConnection) -> Context:
    """The context of a request: its shop is on the scope, its caller in its token."""
    shop: Shop = connection.scope["kameng.shop"]
    token = bearer_token(connection.headers.get("authorization", ""))
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
