"""The web process: request guard, the shop of each request, GraphQL, webhooks, pages."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.bank_statements import bank_statement
from entrypoints.graphql_http import GraphQLEndpoint
from entrypoints.guard import GuardSettings, RequestGuard
from entrypoints.payout_files import payout_file
from entrypoints.price_lists import price_list
from entrypoints.response_cache import ResponseCache
from entrypoints.statements import statement
from entrypoints.tenancy import TenantOfRequest
from entrypoints.webhooks import stripe_webhook
from identity.client_uses import client_uses
from kernel import db, valkey
from kernel.clock import monotonic_seconds
from kernel.listening import Ear, listening
from kernel.log import configure_logging
from kernel.settings import Settings, settings
from offers.assortment import assortments
from schema.documents import DocumentLibrary
from schema.root import build_schema
from supply.stock_news import EVERYTHING, sold_news
from tenants.directory import forget as forget_shops
from tenants.directory import hear_change
from web.app import web_routes

_GRAPHQL_PATHS: Final = frozenset({"/graphql", "/graphql/"})
"""Both spellings are the API: a redirect would lose the body of a client's POST."""

LAST_NEWS_SECONDS: Final = 2.0
"""How long a process that ends tries to announce what it has sold."""

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
    """Make the pools and listen; the database itself may come later."""
    await db.connect(settings())
    # What start-up has made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    # What a request makes is freed by counting references, and hardly ever stands in a circle:
    # looking at the youngest after every seven hundred, as is the default, finds nothing.
    gc.set_threshold(10_000, 20, 50)
    try:
        async with listening(app.state.ear, settings()):
            yield
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_NEWS_SECONDS):
                await sold_news.all_told()
                await client_uses.all_noted()
        await valkey.close()
        await db.disconnect()


def create_app(config: Settings | None = None) -> ASGIApp:
    """The whole application, the guard outermost."""
    config = config or settings()
    configure_logging()
    ear = Ear()
    ear.on("catalogue", hear_change)
    ear.on_silence(forget_shops)
    assortments.rest_on(ear)
    ear.on("stock", assortments.hear_stock)
    ear.announce_arrival("stock", EVERYTHING)
    ear.on_silence(assortments.forget)
    schema = build_schema(production=config.production, compiled=config.compiled_execution)
    graphql = GraphQLEndpoint(
        schema,
        library=DocumentLibrary.of(config, schema=schema),
        production=config.production,
        cache=_response_cache(config, ear),
    )
    routes: list[Any] = [
        Route("/healthz", healthz),
        Route("/payments/stripe/webhook", stripe_webhook, methods=["POST"]),
        Route("/bank-statements/{token}", bank_statement, methods=["PUT"]),
        Route("/price-lists/{token}", price_list, methods=["GET", "PUT"]),
        Route("/payout-files/{token}", payout_file, methods=["GET"]),
        Route("/statements/{token}", statement),
        *web_routes(),
    ]
    # Inside Starlette's own error page: what it answers for must not be answered twice.
    middleware = [Middleware(TenantOfRequest)]
    pages = Starlette(routes=routes, lifespan=lifespan, middleware=middleware)
    pages.state.ear = ear
    return RequestGuard(
        _by_path(graphql=TenantOfRequest(graphql), others=pages),
        settings=GuardSettings.usual(
            deadline_seconds=config.request_deadline_seconds,
            max_concurrent=config.max_concurrent_requests,
        ),
    )


def _by_path(*, graphql: ASGIApp, others: ASGIApp) -> ASGIApp:
    """Most requests are for GraphQL: they need no router, and no error page but the guard's."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        of_graphql = scope["type"] != "lifespan" and scope["path"] in _GRAPHQL_PATHS
        await (graphql if of_graphql else others)(scope, receive, send)

    return application


def _response_cache(config: Settings, ear: Ear) -> ResponseCache | None:
    if not config.response_cache_bytes:
        return None
    cache = ResponseCache(max_bytes=config.response_cache_bytes, hearing=ear)
    ear.on("stock", cache.hear_stock)
    ear.on_silence(cache.forget)
    return cache
