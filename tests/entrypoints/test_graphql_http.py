"""The endpoint behind the guard: the short way answers as Strawberry's view does; GET is safe."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.graphql_http import GraphQLEndpoint
from entrypoints.graphql_view import ShopGraphQL
from entrypoints.guard import GRAPHQL_BODY, GuardSettings, RequestGuard
from lone_shop import LONE_SHOP
from patience import PATIENCE_SECONDS
from schema.documents import DocumentLibrary, TrustedDocuments
from schema.documents.hashes import hash_of
from schema.root import build_schema

HEADERS: Final = {"x-kameng-client": "test", "content-type": "application/json"}

NAME: Final = "query Name { storefront { name locale } }"
FAILING: Final = 'query Failing { storefront { name } product(slug: "a", id: "b") { id } }'
SIGN_OUT: Final = "mutation SignOut { signOut { ... on SignedOut { done } } }"
WATCH: Final = 'subscription Watch { orderUpdated(orderNo: "K") { cursor } }'
OWN: Final = "query Own { me { id } }"
TRUSTED: Final = (NAME, FAILING, OWN, SIGN_OUT, WATCH)


class OfShop:
    """Stands in for the tenant of a request: every request is for the one shop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "kameng.shop": LONE_SHOP}, receive, send)


def application(
    *trusted: str, only_trusted: bool = False, inner: ASGIApp | None = None, compiled: bool = True
) -> ASGIApp:
    schema = build_schema(production=True, compiled=compiled)
    library = DocumentLibrary(
        TrustedDocuments({hash_of(text): text for text in trusted}), only_trusted=only_trusted
    )
    endpoint = GraphQLEndpoint(schema, library=library, production=True)
    return RequestGuard(OfShop(inner or endpoint), settings=GuardSettings.usual())


@asynccontextmanager
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.localhost") as found:
        yield found


async def post(app: ASGIApp, **parameters: Any) -> httpx.Response:
    async with client(app) as found:
        return await found.post("/graphql", content=json.dumps(parameters), headers=HEADERS)


async def get(
    app: ASGIApp, query: str | Sequence[tuple[str, str]], **headers: str
) -> httpx.Response:
    async with client(app) as found:
        text = query if isinstance(query, str) else urlencode(query)
        return await found.get(f"/graphql?{text}", headers=headers)


def document_id(text: str) -> tuple[str, str]:
    return ("documentId", f"sha256:{hash_of(text)}")


def code_of(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


# --- POST: the short way ------------------------------------------------------------------------

REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "a query": {"query": NAME},
    "a part of it": {
        "query": "query ($no: Boolean!) { storefront { name @skip(if: $no) locale } }",
        "variables": {"no": True},
    },
    "one of two operations": {"query": f"{NAME} {FAILING}", "operationName": "Failing"},
    "no such operation": {"query": NAME, "operationName": "Other"},
    "an operation without a name, named": {"query": "{ __typename }", "operationName": ""},
    "fragments that would double again and again": {
        "query": "{...F0}" + "".join(
            f" fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(28)
        ) + " fragment F28 on Query{__typename}",
    },
    "a name that is a condition here and a list there": {
        "query": "query A($x: Boolean!) { storefront { name @skip(if: $x) } }"
                 " query B($x: ProductFilter) { __typename products(filter: $x) { __typename } }",
        "operationName": "B", "variables": {"x": {"ids": []}},
    },
    "a refusal of one field": {"query": FAILING},
    "a syntax error": {"query": "{ storefront {"},
    "an unknown field": {"query": "{ storefront { nam } }"},
    "a forbidden field": {"query": "{ me { id } }"},
    "too costly": {"query": "{ a: products(first: 100) { edges { node { skus { offers {"
                            " price { amountMinor } } offers { id } } } } } }"},
    "a wrong variable": {"query": "query ($s: String!) { product(slug: $s) { id } }"},
    "a mutation that is refused": {"query": SIGN_OUT},
    "introspection": {"query": "{ __schema { types { name } } }"},
    "a type's name": {"query": "{ __typename storefront { __typename } }"},
}  # fmt: skip


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", REQUESTS)
async def test_the_short_way_answers_as_strawberrys_view_does(name: str, compiled: bool) -> None:
    view = ShopGraphQL(
        build_schema(production=True, compiled=False),
        graphql_ide=None,
        allow_queries_via_get=False,
        subscription_protocols=(),
    )
    ours = await post(application(compiled=compiled), **REQUESTS[name])
    theirs = await post(application(inner=view), **REQUESTS[name])
    assert ours.status_code == theirs.status_code
    assert _but_for_the_request(ours) == _but_for_the_request(theirs)
    own_headers = {"x-request-id", "content-length"}
    assert {k: v for k, v in ours.headers.items() if k not in own_headers} == {
        k: v for k, v in theirs.headers.items() if k not in own_headers
    }


def _but_for_the_request(response: httpx.Response) -> str:
    return response.text.replace(response.headers["x-request-id"], "")


async def test_a_subscription_by_post_is_told_to_take_a_socket() -> None:
    answer = await post(application(), query=WATCH)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")
    assert answer.json()["data"] is None


async def test_a_body_is_parsed_once() -> None:
    seen: list[object] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope[GRAPHQL_BODY])
        # Nothing is left to be read: the endpoint takes what the guard has parsed.
        schema = build_schema(production=True)
        endpoint = GraphQLEndpoint(
            schema, library=DocumentLibrary(TrustedDocuments({})), production=True
        )
        await endpoint(scope, _nothing_to_receive, send)

    answer = await post(application(inner=inner), query=NAME)
    assert answer.json()["data"] == {"storefront": {"name": "星河", "locale": "en"}}
    assert seen == [{"query": NAME}]


async def _nothing_to_receive() -> Any:
    raise AssertionError("the body was read again")


async def test_a_document_may_be_named_by_its_hash_alone() -> None:
    app = application(*TRUSTED)
    named = await post(app, documentId=f"sha256:{hash_of(NAME)}")
    assert named.json() == (await post(app, query=NAME)).json()


async def test_apollos_clients_register_a_text_and_then_send_the_hash() -> None:
    app = application()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(NAME)}}
    first = await post(app, extensions=extensions)
    assert (first.status_code, code_of(first)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert first.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    second = await post(app, query=NAME, extensions=extensions)
    assert second.json()["data"]["storefront"]["name"] == "星河"
    assert (await post(app, extensions=extensions)).json() == second.json()


async def test_where_only_trusted_documents_are_executed_a_text_is_refused_with_a_code() -> None:
    app = application(NAME, only_trusted=True)
    answer = await post(app, query="{ storefront { name } }")
    assert (answer.status_code, code_of(answer)) == (200, "DOCUMENT_NOT_TRUSTED")
    assert answer.json()["data"] is None
    assert "errors" not in (await post(app, query=NAME)).json()


async def test_neither_text_nor_hash_is_a_bad_request() -> None:
    for parameters in ({}, {"documentId": 5}, {"extensions": {"persistedQuery": 5}}):
        answer = await post(application(), **parameters)
        assert (answer.status_code, code_of(answer)) == (400, "BAD_REQUEST")


# --- GET: trusted queries only ------------------------------------------------------------------


async def test_get_of_a_trusted_query_answers_as_post_does() -> None:
    app = application(*TRUSTED)
    answer = await get(app, [document_id(NAME), ("variables", "{}"), ("operationName", "Name")])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == (await post(app, query=NAME)).content


async def test_get_of_a_public_query_may_be_kept_by_whoever_stands_between() -> None:
    app = application(*TRUSTED)
    answer = await get(app, [document_id(NAME)])
    assert answer.headers["cache-control"].startswith("public, max-age=1,")
    assert answer.headers["vary"] == "accept-language, authorization, host"
    again = await get(app, [document_id(NAME)], **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert "content-type" not in again.headers
    other = await get(app, [document_id(NAME)], **{"if-none-match": '"another"'})
    assert (other.status_code, other.content) == (200, answer.content)


@pytest.mark.parametrize("text", [FAILING, OWN])
async def test_errors_and_what_is_somebodys_own_are_kept_by_nobody(text: str) -> None:
    answer = await get(application(*TRUSTED), [document_id(text)])
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    posted = await post(application(), query=NAME)
    assert posted.headers["cache-control"] == "no-store"


async def test_get_takes_apollos_spelling_as_well() -> None:
    extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": hash_of(NAME)}})
    answer = await get(application(NAME), [("extensions", extensions)])
    assert answer.json()["data"]["storefront"]["name"] == "星河"


async def test_get_uses_the_variables_in_the_url() -> None:
    text = "query ($no: Boolean!) { storefront { name @skip(if: $no) locale } }"
    answer = await get(application(text), [document_id(text), ("variables", '{"no": true}')])
    assert answer.json()["data"] == {"storefront": {"locale": "en"}}


@pytest.mark.parametrize("text", [SIGN_OUT, WATCH])
async def test_get_changes_nothing_and_watches_nothing(text: str) -> None:
    answer = await get(application(*TRUSTED), [document_id(text)])
    assert (answer.status_code, code_of(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"
    assert answer.json()["data"] is None


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 405, "METHOD_NOT_ALLOWED"),
        (urlencode({"query": NAME}), 405, "METHOD_NOT_ALLOWED"),
        (urlencode({"extensions": "{}"}), 405, "METHOD_NOT_ALLOWED"),
        (urlencode({"query": NAME, "extensions": "{}"}), 400, "BAD_REQUEST"),
        (urlencode([document_id("{ storefront { open } }")]), 404, "PERSISTED_QUERY_NOT_FOUND"),
        (urlencode({"documentId": "sha256:0"}), 400, "BAD_REQUEST"),
        (urlencode([document_id(NAME), document_id(NAME)]), 400, "BAD_REQUEST"),
        (urlencode([document_id(NAME), ("query", NAME)]), 400, "BAD_REQUEST"),
        (urlencode([document_id(NAME), ("utm_source", "x")]), 400, "BAD_REQUEST"),
        (urlencode([document_id(NAME), ("variables", "[]")]), 400, "BAD_REQUEST"),
        (urlencode([document_id(NAME), ("variables", "{")]), 400, "MALFORMED_JSON"),
        (urlencode([document_id(NAME), ("variables", "[" * 40 + "]" * 40)]), 400, "JSON_TOO_DEEP"),
        (urlencode([document_id(NAME), ("operationName", "a\0")]), 400, "BAD_REQUEST"),
        (f"documentId=sha256:{hash_of(NAME)}&operationName=%ff", 400, "BAD_REQUEST"),
        (f"documentId=sha256:{hash_of(NAME)}&&", 400, "BAD_REQUEST"),
        (f"documentId=sha256:{hash_of(NAME)}&operationName={'x' * 9_000}", 414, "URI_TOO_LONG"),
    ],
)
async def test_any_other_get_is_refused(query: str, status: int, code: str) -> None:
    answer = await get(application(*TRUSTED), query)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_a_text_that_a_client_has_registered_is_not_answered_to_get() -> None:
    app = application()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(NAME)}}
    assert "errors" not in (await post(app, query=NAME, extensions=extensions)).json()
    assert (await get(app, [document_id(NAME)])).status_code == 404


async def test_a_refused_field_of_a_trusted_query_is_said_to_get_as_well() -> None:
    answer = await get(application(*TRUSTED), [document_id(FAILING)])
    assert (answer.status_code, code_of(answer)) == (200, "VALIDATION")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_no_other_method_takes_a_document_from_a_url(method: str) -> None:
    async with client(application(NAME)) as found:
        answer = await found.request(method, f"/graphql?{urlencode([document_id(NAME)])}")
    assert answer.status_code == 405


# --- WebSockets ---------------------------------------------------------------------------------


async def say(app: ASGIApp, *messages: dict[str, Any]) -> list[Any]:
    """Say so much over a WebSocket, and return what came until its end."""
    said: list[Message] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": json.dumps(message)} for message in messages),
    ]
    heard: list[Any] = []
    answered = asyncio.Event()

    async def receive() -> Message:
        if said:
            return said.pop(0)
        await answered.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        heard.append(json.loads(message["text"]) if "text" in message else message)
        if heard[-1]["type"] in ("complete", "error", "websocket.close"):
            answered.set()

    scope: Scope = {
        "type": "websocket", "path": "/graphql", "query_string": b"", "scheme": "ws",
        "headers": [(b"host", b"shop.localhost")], "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80), "subprotocols": [GRAPHQL_TRANSPORT_WS_PROTOCOL],
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), PATIENCE_SECONDS)
    return heard


def subscribe(**payload: Any) -> dict[str, Any]:
    return {"id": "1", "type": "subscribe", "payload": payload}


INIT: Final = {"type": "connection_init"}


@pytest.mark.parametrize("text", [NAME, SIGN_OUT, f"{NAME} {WATCH}"])
@pytest.mark.parametrize("by_hash", [False, True])
async def test_a_socket_executes_subscriptions_and_nothing_else(text: str, by_hash: bool) -> None:
    named = {"documentId": f"sha256:{hash_of(text)}"} if by_hash else {"query": text}
    accepted, acknowledged, refused = await say(application(text), INIT, subscribe(**named))
    assert (accepted["type"], acknowledged["type"]) == ("websocket.accept", "connection_ack")
    (error,) = refused["payload"]
    assert (refused["type"], error["extensions"]["code"]) == ("error", "BAD_REQUEST")
    assert error["message"].startswith("A WebSocket is for subscriptions.")


async def test_a_socket_takes_no_text_that_is_not_trusted_either() -> None:
    app = application(*TRUSTED, only_trusted=True)
    *_, refused = await say(app, INIT, subscribe(query=WATCH.replace("Watch", "Other")))
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


async def test_a_socket_that_was_not_acknowledged_is_told_nothing() -> None:
    _, closed = await say(application(), subscribe(documentId="sha256:0"))
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
