"""Lets a WebSocket in: the page that opens it, the protocol that it speaks, who asks."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.graphql_socket.session import Session
from entrypoints.tenancy import bearer_token
from kernel.log import get_logger
from schema.compiled_schema import CompiledSchema
from schema.context import context_of
from schema.documents import DocumentLibrary

NOT_ACCEPTABLE: Final = 4406

_log = get_logger(__name__)


class GraphQLSocket:
    """The ASGI application behind `/graphql`, for WebSockets."""

    def __init__(self, schema: CompiledSchema, *, library: DocumentLibrary) -> None:
        self._schema = schema
        self._library = library

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        session = await self._opened(scope, receive, send)
        if session is not None:
            await session.run()

    async def _opened(self, scope: Scope, receive: Receive, send: Send) -> Session | None:
        """Answer the handshake; raises `Forbidden` for a token that is no good here."""
        connection = HTTPConnection(scope)
        if not _is_from_our_own_page(connection):
            _log.info("socket.foreign_origin")
            await send({"type": "websocket.close"})  # before it is accepted: HTTP's 403
            return None
        spoken = GRAPHQL_TRANSPORT_WS_PROTOCOL in scope["subprotocols"]
        protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL if spoken else None
        await send({"type": "websocket.accept", "subprotocol": protocol, "headers": []})
        if not spoken:
            reason = "Subprotocol not acceptable"
            await send({"type": "websocket.close", "code": NOT_ACCEPTABLE, "reason": reason})
            return None
        token = bearer_token(connection.headers.get("authorization", ""))
        context = await context_of(connection, token=token)
        scope["headers"] = []  # read; kept, they would be a tenth of what a socket holds
        return Session(
            context, receive=receive, send=send, schema=self._schema, library=self._library
        )


def _is_from_our_own_page(connection: HTTPConnection) -> bool:
    """False for a page of somebody else's: a browser says whose it is, and would
    send our cookies. Who names no page is no browser."""
    headers = connection.headers
    origin = headers.get("origin")
    if origin is None or headers.get("sec-fetch-site") == "same-origin":
        return True
    return is_same_origin(origin, headers.get("host"))
