"""GraphQL over HTTP: single operations by a short way, everything else by Strawberry's view.

The guard has read and parsed a request before it comes here (`guard/`): a POST of JSON, or a GET
that names a document. From there it is straight: document, context, schema, bytes. What a guest
asks about the public catalogue may have been answered before (`response_cache/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from entrypoints.graphql_socket import GraphQLSocket
from entrypoints.graphql_view import ShopGraphQL
from entrypoints.guard import GRAPHQL_BODY
from entrypoints.response_cache import (
    CacheKey,
    Compute,
    Entry,
    ResponseCache,
    key_of,
    not_modified,
    public_headers,
)
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
    headers: tuple[tuple[str, str], ...] = ()
    clean: bool = False
    """Without errors: what a cache may keep."""


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`."""

    def __init__(
        self,
        schema: CompiledSchema,
        *,
        library: DocumentLibrary,
        production: bool,
        cache: ResponseCache | None = None,
    ) -> None:
        self._schema = schema
        self._library = library
        self._cache = cache
        self._socket = GraphQLSocket(schema, library=library)
        self._view = ShopGraphQL(
            schema,
            graphql_ide=None if production else "graphiql",
            allow_queries_via_get=False,
            subscription_protocols=(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        parameters = scope.get(GRAPHQL_BODY)
        if parameters is None or scope["method"] not in _ALLOWED:
            await self._view(scope, receive, send)
            return
        answer = await self.answer(parameters, HTTPConnection(scope), method=scope["method"])
        await _send(answer, send)

    async def answer(
        self, parameters: Mapping[str, Any], connection: HTTPConnection, *, method: str
    ) -> Answer:
        """Answer one request whose parameters have the right types.

        Raises `Forbidden` for a token that is no good here.
        """
        token = bearer_token(connection.headers.get("authorization", ""))
        context = await context_of(connection, token=token) if token is not None else None
        try:
            asked = self._library.asked(parameters, by_get=method == "GET")
            if context is None:
                operation = self._schema.operation(asked.text, asked.operation_name)
                if operation is not None and operation.is_public:
                    key = key_of(asked, connection, declared=operation.variables)
                    return await self._answer_to_anybody(asked, key, connection, method=method)
            context = context or await context_of(connection, token=None)
            return await self._execute(asked, context, method=method)
        except DocumentRefused as refused:
            status = _STATUS[method].get(refused.code, 200)
            headers = (("allow", "POST"),) if status == 405 else ()
            refusal = _encoded(self._schema.refuse(refused.error))
            return replace(refusal, status=status, headers=headers)

    async def _answer_to_anybody(
        self, asked: AskedDocument, key: CacheKey, connection: HTTPConnection, *, method: str
    ) -> Answer:
        """What every guest is told: perhaps kept, and by GET for whoever stands between to keep."""
        answer: Answer | None = None

        async def execute() -> bytes | None:
            nonlocal answer
            context = await context_of(connection, token=None)
            answer = await self._execute(asked, context, method=method)
            return answer.body if answer.clean else None

        entry = await self._kept_or_made(key, connection, execute)
        if entry is None:
            if answer is None:  # somebody else has asked the same, and got errors
                await execute()
            assert answer is not None
            return answer
        if method == "POST":
            return Answer(entry.body)
        headers = tuple(public_headers(entry.etag).items())
        if not_modified(connection.headers.get("if-none-match", ""), entry.etag):
            return Answer(b"", 304, headers)
        return Answer(entry.body, headers=headers)

    async def _kept_or_made(
        self, key: CacheKey, connection: HTTPConnection, execute: Compute
    ) -> Entry | None:
        if self._cache is not None:
            shop = connection.scope["kameng.shop"]
            return await self._cache.answer(key, shop, execute)
        body = await execute()
        return None if body is None else Entry(body)

    async def _execute(self, asked: AskedDocument, context: Context, *, method: str) -> Answer:
        """Raises `DocumentRefused` for a kind of operation that the method does not have."""
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


def _encoded(result: ExecutionResult) -> Answer:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        body["extensions"] = result.extensions
    return Answer(orjson.dumps(body), clean=not result.errors)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    if answer.status != 304:  # which has no body, and so no type
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
