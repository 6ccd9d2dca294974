"""GraphQL over HTTP: single operations by a short way, everything else by Strawberry's view.

The guard has read and parsed a request before it comes here (`guard/`): a POST of JSON, or a GET
that names a document. From there it is straight: context, document, schema, bytes. A response
cache belongs between `GraphQLEndpoint.asked` and `GraphQLEndpoint.execute`: it knows the shop and
the caller from the context and the document from what was asked, and it may leave `execute` out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from entrypoints.graphql_socket import ShopGraphQL
from entrypoints.guard import GRAPHQL_BODY
from entrypoints.tenancy import bearer_token
from schema.compiled_schema import CompiledSchema
from schema.context import Context, context_of
from schema.documents import AskedDocument, DocumentLibrary, DocumentRefused
from schema.documents.refusals import MALFORMED, NOT_FOR_GET, NOT_FOUND, needs_socket, not_for_get

_ALLOWED: Final = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}
#: What a client can ask again with the text is 200 to POST, as Apollo's clients expect it. A GET
#: may be kept by whoever stands between: a refusal of it must not look like an answer.
_STATUS: Final = {
    "GET": {NOT_FOUND: 404, NOT_FOR_GET: 405, MALFORMED: 400},
    "POST": {MALFORMED: 400},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it is sent."""

    body: bytes
    status: int = 200
    clean: bool = False
    """Without errors: what a cache may keep."""


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`."""

    def __init__(
        self, schema: CompiledSchema, *, library: DocumentLibrary, production: bool
    ) -> None:
        self._schema = schema
        self._library = library
        self._view = ShopGraphQL(
            schema,
            library=library,
            graphql_ide=None if production else "graphiql",
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=20,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parameters = scope.get(GRAPHQL_BODY) if scope["type"] == "http" else None
        if parameters is None or scope["method"] not in _ALLOWED:
            await self._view(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        token = bearer_token(connection.headers.get("authorization", ""))
        context = await context_of(connection, token=token)
        answer = await self.answer(parameters, context, method=scope["method"])
        await _send(answer, send)

    async def answer(
        self, parameters: Mapping[str, Any], context: Context, *, method: str = "POST"
    ) -> Answer:
        """This function will answer one request whose parameters have the right types."""
        try:
            asked = self.asked(parameters, method=method)
            return await self.execute(asked, context, method=method)
        except DocumentRefused as refused:
            status = _STATUS[method].get(refused.code, 200)
            return _encoded(self._schema.refuse(refused.error), status=status)

    def asked(self, parameters: Mapping[str, Any], *, method: str = "POST") -> AskedDocument:
        """This function will find the request's document, or raise `DocumentRefused`."""
        return self._library.asked(parameters, by_get=method == "GET")

    async def execute(
        self, asked: AskedDocument, context: Context, *, method: str = "POST"
    ) -> Answer:
        """This function will execute a document for a caller.

        Raises `DocumentRefused` for a kind of operation that the method does not have.
        """
        try:
            result = await self._schema.execute(
                asked.text,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                allowed_operation_types=_ALLOWED[method],
                operation_extensions=asked.extensions,
            )
        except InvalidOperationTypeError:
            raise (not_for_get() if method == "GET" else needs_socket()) from None
        return _encoded(result)


def _encoded(result: ExecutionResult, *, status: int = 200) -> Answer:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        body["extensions"] = result.extensions
    return Answer(orjson.dumps(body), status, clean=not result.errors)


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
