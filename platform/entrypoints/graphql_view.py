"""Strawberry's view, for what is no single operation over HTTP: the page to try queries on, and
the refusal of everything else."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from entrypoints.tenancy import bearer_token
from schema.context import Context, context_of


class ShopGraphQL(GraphQL[Context, None]):
    """Strawberry's view, with the request's shop and caller as its context."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """Say who asks; raises `Forbidden` for a token that is no good here."""
        token = bearer_token(request.headers.get("authorization", ""))
        return await context_of(request, token=token)

    def encode_json(self, data: object) -> Any:
        """Write JSON with orjson."""
        return orjson.dumps(data)
