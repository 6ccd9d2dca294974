"""Which shop a request is for, decided before anything else runs.

A shop's host names the shop. The platform's API host (`KAMENG_API_HOST`) is no shop's: there an
API client's own token names it. Any other host is nobody's: 421.
"""

import re

import asyncpg
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from identity.tokens import authenticate
from kernel.errors import Forbidden
from kernel.settings import settings
from schema.address import client_address
from tenants.directory import Shop, host_name, shop_by_host, shop_by_id

DATABASE_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the farewell of a lost connection was still being read
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.UndefinedTableError,
)
"""The database is not there, or not yet: the API waits and says so."""

_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{8,100})", re.IGNORECASE)


def bearer_token(header: str) -> str | None:
    """The token of an Authorization header; None when it holds none."""
    match = _BEARER.fullmatch(header.strip())
    return match.group(1) if match else None


class TenantOfRequest:
    """Puts the request's shop on its scope as `kameng.shop`, or answers for want of one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            if not _without_shop(scope["path"]):
                scope["kameng.shop"] = await _shop_of(scope)
                if scope["kameng.shop"] is None:
                    await _answer(scope, receive, send, _misdirected())
                    return
            await self.app(scope, receive, send)
        except Forbidden as refused:
            await _answer(scope, receive, send, _error(refused.message, "FORBIDDEN", 401))
        except DATABASE_AWAY:
            await _answer(scope, receive, send, _unavailable())


def _without_shop(path: str) -> bool:
    """Paths that belong to the platform and to no shop."""
    return path.startswith("/payments/") or path in ("/healthz", "/metrics")


async def _shop_of(scope: Scope) -> Shop | None:
    host = _header(scope, b"host")
    api_host = settings().api_host
    if api_host and host_name(host) == api_host:
        return await _shop_of_client(_header(scope, b"authorization"), HTTPConnection(scope))
    return await shop_by_host(host)


async def _shop_of_client(authorization: str, connection: HTTPConnection) -> Shop | None:
    token = bearer_token(authorization)
    caller = await authenticate(token, ip=client_address(connection)) if token else None
    if caller is None or caller.kind != "API_CLIENT" or caller.tenant_id is None:
        raise Forbidden("This address is for API clients: send a token of one.")
    return await shop_by_id(caller.tenant_id)


def _header(scope: Scope, wanted: bytes) -> str:
    """A header that stands there once. Forwarded headers are the proxy's: it passes Host on."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _error(message: str, code: str, status: int) -> JSONResponse:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return JSONResponse(body, status_code=status)


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
