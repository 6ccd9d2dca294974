"""GraphQL over WebSocket: Strawberry's view and its protocol, with our caller and our documents.

A socket is open for hours, and its context is made once: who was signed out or dismissed meanwhile
would go on. So it carries subscriptions alone, which ask for their caller before every event.
"""

from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from entrypoints.tenancy import bearer_token
from kernel.errors import Forbidden
from schema.compiled_schema import CompiledSchema
from schema.context import Context, caller_of, context_of
from schema.documents import DocumentLibrary, DocumentRefused
from schema.documents.refusals import needs_http


class DocumentsOverSocket(BaseGraphQLTransportWSHandler[Context, None]):
    """The protocol's handler, for subscriptions whose documents are in the same library as over
    HTTP."""

    view: "ShopGraphQL"

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Put the document's text into the message, or refuse it."""
        payload: Any = {"query": "", **message["payload"]}
        try:
            if self.connection_acknowledged:  # nobody else is told anything
                payload["query"] = self._subscription(message["payload"])
        except DocumentRefused as refused:
            errors = self.view.shop_schema.refuse(refused.error).errors or []
            await self.send_message(
                {
                    "id": message["id"],
                    "type": "error",
                    "payload": [error.formatted for error in errors],
                }
            )
            return
        await super().handle_subscribe(
            {"id": message["id"], "type": "subscribe", "payload": payload}
        )

    def _subscription(self, payload: Any) -> str:
        """The document's text. One that would be refused is let through: its refusal is the
        schema's to say."""
        asked = self.view.library.asked(payload)
        operation = self.view.shop_schema.operation(asked.text, asked.operation_name)
        if operation is not None and operation.kind is not OperationType.SUBSCRIPTION:
            raise needs_http()
        return asked.text


class ShopGraphQL(GraphQL[Context, None]):
    """Strawberry's view, with the request's shop and caller as its context."""

    graphql_transport_ws_handler_class = DocumentsOverSocket

    def __init__(self, schema: CompiledSchema, *, library: DocumentLibrary, **options: Any) -> None:
        super().__init__(schema, **options)
        self.shop_schema = schema
        self.library = library

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """Say who asks; raises `Forbidden` for a token that is no good."""
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
        """Write JSON with orjson."""
        return orjson.dumps(data).decode()  # text: a socket would send bytes as a binary frame
