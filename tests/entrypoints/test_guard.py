"""The request guard: what gets through, what does not, and that nothing a client sends is a 5xx."""

import asyncio
import gc
import io
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from entrypoints.guard import GRAPHQL_BODY, GuardSettings, RequestGuard, RouteLimits
from entrypoints.guard.bodies import parse_json
from kernel import log
from patience import PATIENCE_SECONDS, until, until_true
from quickness import answered_quickly

KIB = 1024
DEADLINE_SECONDS = 0.2
"""Short, for a test that waits until it has passed."""
JSON_HEADERS = {"content-type": "application/json", "x-kameng-client": "test"}


@dataclass
class Answer:
    """What came back, and how much of the request was read."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks_read: int = 0

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["errors"][0]["extensions"]["code"]
        return code


async def call(
    app: ASGIApp,
    path: str = "/graphql",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    chunks: Iterable[bytes] = (b"",),
    delay_seconds: float = 0,
    http_version: str = "1.1",
) -> Answer:
    """Speak ASGI to the application, a chunk at a time, without announcing the length."""
    answer = Answer()
    sent = iter(chunks)
    raw = [(k.encode(), v.encode()) for k, v in (headers or JSON_HEADERS).items()]
    if "content-length" not in (headers or {}):
        raw.append((b"transfer-encoding", b"chunked"))
    scope: Scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": raw, "http_version": http_version, "root_path": "",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5), "app": None,
    }  # fmt: skip

    async def receive() -> Message:
        await asyncio.sleep(delay_seconds)
        chunk = next(sent, None)
        if chunk is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        answer.chunks_read += 1
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"hello {name}"

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(2 * PATIENCE_SECONDS)
        return "never"


schema = strawberry.Schema(Query)


def guarded(app: ASGIApp | None = None, **changes: Any) -> RequestGuard:
    """The guard around Strawberry's own application, or around another."""
    return RequestGuard(app or GraphQL[None, None](schema), settings=GuardSettings(**changes))


def graphql_route(**changes: Any) -> tuple[RouteLimits, ...]:
    patient = {"path": "/graphql", "graphql": True, "deadline_seconds": PATIENCE_SECONDS}
    return (RouteLimits(**{**patient, **changes}),)


def body_of(query: str = "{hello}", **more: Any) -> bytes:
    return json.dumps({"query": query, **more}).encode()


# --- bodies -------------------------------------------------------------------------------------


async def test_a_proper_request_is_answered_and_its_parsed_body_stands_on_the_scope() -> None:
    seen: dict[str, Any] = {}
    inner = GraphQL[None, None](schema)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope[GRAPHQL_BODY])
        await inner(scope, receive, send)

    whole = body_of("query Q($n:String!){hello(name:$n)}", variables={"n": "世界"}, extensions=None)
    answer = await call(guarded(app), chunks=[whole[:10], whole[10:25], whole[25:]])
    assert answer.status == 200
    assert json.loads(answer.body) == {"data": {"hello": "hello 世界"}}
    assert seen == {**json.loads(whole)}


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "MALFORMED_JSON"),
    "null": (b"null", "BAD_REQUEST"),
    "number": (b"5", "BAD_REQUEST"),
    "empty text": (b'""', "BAD_REQUEST"),
    "true": (b"true", "BAD_REQUEST"),
    "empty list": (b"[]", "BATCHING_NOT_SUPPORTED"),
    "list in list": (b"[[1]]", "BATCHING_NOT_SUPPORTED"),
    "batch": (b"[" + body_of() + b"," + body_of() + b"]", "BATCHING_NOT_SUPPORTED"),
    "5,000 brackets": (b"[" * 5_000, "JSON_TOO_DEEP"),
    "5,000 closed brackets": (b"[" * 5_000 + b"]" * 5_000, "JSON_TOO_DEEP"),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "JSON_TOO_DEEP"),
    "33 levels in variables": (
        b'{"query":"{hello}","variables":{"a":' + b"[" * 31 + b"]" * 31 + b"}}",
        "JSON_TOO_DEEP",
    ),
    "deep behind a text with brackets": (
        b'{"q":"]}]}]}\\"]}","a":' + b"[" * 40 + b"]" * 40 + b"}",
        "JSON_TOO_DEEP",
    ),
    "only closing": (b"]" * 100, "MALFORMED_JSON"),
    "unclosed text": (b'{"query":"' + b'\\"' * 50_000, "MALFORMED_JSON"),
    "many unclosed texts": (b'[{"' * 40 + b'\\"' * 50_000, "JSON_TOO_DEEP"),
    "empty object": (b"{}", "BAD_REQUEST"),
    "no query": (b'{"variables":{}}', "BAD_REQUEST"),
    "query null": (b'{"query":null}', "BAD_REQUEST"),
    "query number": (b'{"query":5}', "BAD_REQUEST"),
    "query list": (b'{"query":["{hello}"]}', "BAD_REQUEST"),
    "query empty": (b'{"query":" \\n "}', "BAD_REQUEST"),
    "variables text": (b'{"query":"{hello}","variables":"{}"}', "BAD_REQUEST"),
    "variables list": (b'{"query":"{hello}","variables":[]}', "BAD_REQUEST"),
    "operationName number": (b'{"query":"{hello}","operationName":1}', "BAD_REQUEST"),
    "operationName object": (b'{"query":"{hello}","operationName":{}}', "BAD_REQUEST"),
    "extensions list": (b'{"query":"{hello}","extensions":[]}', "BAD_REQUEST"),
    "last of duplicate keys counts": (b'{"query":"{hello}","query":5}', "BAD_REQUEST"),
    "invalid UTF-8": (b'{"query":"{hello} #\xff"}', "MALFORMED_JSON"),
    "UTF-16": ('{"query":"{hello}"}'.encode("utf-16"), "MALFORMED_JSON"),
    "byte order mark": (b'\xef\xbb\xbf{"query":"{hello}"}', "MALFORMED_JSON"),
    "raw NUL": (b'{"query":"{hello}\x00"}', "MALFORMED_JSON"),
    "escaped NUL in the query": (b'{"query":"{hello}\\u0000"}', "MALFORMED_JSON"),
    "escaped NUL deep in variables": (
        b'{"query":"{hello}","variables":{"a":[{"b":"x\\u0000"}]}}',
        "MALFORMED_JSON",
    ),
    "escaped NUL in a name": (
        b'{"query":"{hello}","variables":{"a\\u0000":1}}',
        "MALFORMED_JSON",
    ),
    "lone surrogate": (b'{"query":"{hello} #\\ud800"}', "MALFORMED_JSON"),
    "lone surrogate in UTF-8": (b'{"query":"{hello} #\xed\xa0\x80"}', "MALFORMED_JSON"),
    "NaN": (b'{"query":"{hello}","variables":{"a":NaN}}', "MALFORMED_JSON"),
    "infinite": (b'{"query":"{hello}","variables":{"a":1e999}}', "MALFORMED_JSON"),
    "5,000 digits": (
        b'{"query":"{hello}","variables":{"a":' + b"9" * 5_000 + b"}}",
        "MALFORMED_JSON",
    ),
    "two documents": (body_of() + body_of(), "MALFORMED_JSON"),
    "trailing comma": (b'{"query":"{hello}",}', "MALFORMED_JSON"),
    "single quotes": (b"{'query':'{hello}'}", "MALFORMED_JSON"),
    "not JSON": (b"query={hello}", "MALFORMED_JSON"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_is_refused_with_400_in_one_form_and_quickly(name: str) -> None:
    body, code = BAD_BODIES[name]
    answer = await answered_quickly(lambda: call(guarded(), chunks=[body]))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.body)
    assert list(document) == ["errors"]
    (error,) = document["errors"]
    assert set(error) == {"message", "extensions"}
    assert error["extensions"] == {"code": code, "requestId": answer.headers["x-request-id"]}


@pytest.mark.parametrize(
    "body",
    [
        b'{"query":"{hello}","query":"{hello(name:\\"b\\")}"}',
        b' \n{"query":"{hello}","other":[1,{}]}\t',
        b'{"query":"{hello} #\\\\u0000"}',
        b'{"query":"{hello(name:\\"\\ud83d\\ude00\\")}"}',
        b'{"query":"{hello}","variables":{"a":' + b"[" * 30 + b"]" * 30 + b"}}",
        b'{"query":"{hello} #' + b"[{" * 5_000 + b'"}',
        b'{"query":"{hello}","variables":{"a":18446744073709551616}}',
    ],
    ids=["duplicate keys", "spaces and more", "escaped backslash", "emoji", "32 levels",
         "brackets in a text", "number beyond 64 bits"],
)  # fmt: skip
async def test_an_unusual_but_correct_body_gets_through(body: bytes) -> None:
    answer = await call(guarded(), chunks=[body])
    assert answer.status == 200
    assert "errors" not in json.loads(answer.body)


@given(st.binary(max_size=300) | st.text(alphabet='{}[]":,\\u0 nulqery\ud800', max_size=80))
def test_no_bytes_at_all_make_it_fail(body: bytes | str) -> None:
    raw = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
    answer = asyncio.run(call(guarded(), chunks=[raw]))
    assert answer.status in (200, 400)


@given(
    st.recursive(
        st.none() | st.integers(-5, 5) | st.text(alphabet='[]{}"\\a', max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("[{", max_size=2), inner)
        ),
        max_leaves=12,
    ),
    st.integers(0, 5),
)
def test_the_depth_that_is_scanned_is_the_depth_that_is_there(value: Any, max_depth: int) -> None:
    def depth(item: Any) -> int:
        inner = (
            item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        )
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    body = json.dumps(value).encode()
    if depth(value) > max_depth:
        with pytest.raises(Exception, match="levels deep"):
            parse_json(body, max_depth=max_depth)
    else:
        assert parse_json(body, max_depth=max_depth) == value


async def test_a_body_of_60_megabytes_is_refused_after_the_first_quarter_and_not_kept() -> None:
    def stream() -> Iterator[bytes]:
        yield b'{"query":"'
        for _ in range(60 * 16):
            yield bytes(64 * KIB)

    gc.collect()
    tracemalloc.start()
    answer = await call(guarded(), chunks=stream())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    assert answer.chunks_read <= 6
    assert answer.headers["connection"] == "close"
    assert peak_bytes < 2 * KIB * KIB


@pytest.mark.parametrize("length", ["262145", "60000000", "9" * 30])
async def test_a_length_that_is_announced_too_large_is_refused_unread(length: str) -> None:
    answer = await call(guarded(), headers={**JSON_HEADERS, "content-length": length})
    assert (answer.status, answer.chunks_read) == (413, 0)


async def test_a_body_of_exactly_the_limit_gets_through_and_one_byte_more_does_not() -> None:
    exact = body_of().ljust(256 * KIB)
    assert (await call(guarded(), chunks=[exact])).status == 200
    assert (await call(guarded(), chunks=[exact, b" "])).status == 413


async def test_http_2_gets_no_connection_header() -> None:
    answer = await call(guarded(), chunks=[bytes(300 * KIB)], http_version="2")
    assert answer.status == 413
    assert "connection" not in answer.headers


# --- methods and headers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]
)
@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
async def test_only_post_reaches_the_api(method: str, path: str) -> None:
    answer = await call(guarded(), path, method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain",
        "application/graphql", "text/plain; application/json", "application/jsonx", "",
        "application/json; charset=utf-16", "application/json, text/plain", "*/*",
        "application/json; boundary=x", "text/json",
    ],
)  # fmt: skip
async def test_a_body_that_a_form_could_send_is_refused(content_type: str) -> None:
    headers = {"content-type": content_type, "x-kameng-client": "x"}
    answer = await call(guarded(), headers=headers, chunks=[body_of()])
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"'],
)
async def test_json_in_utf_8_is_accepted_however_it_is_written(content_type: str) -> None:
    headers = {"content-type": content_type, "x-kameng-client": "x"}
    assert (await call(guarded(), headers=headers, chunks=[body_of()])).status == 200


async def test_no_content_type_and_two_of_them_are_refused() -> None:
    assert (await call(guarded(), headers={"x-kameng-client": "x"})).status == 415
    scope_headers = [(b"content-type", b"application/json"), (b"content-type", b"text/plain")]

    async def with_two(scope: Scope, receive: Receive, send: Send) -> None:
        await guarded()({**scope, "headers": [*scope["headers"], *scope_headers]}, receive, send)

    assert (await call(with_two, headers={"x-kameng-client": "x"})).status == 415


async def test_a_compressed_body_is_refused() -> None:
    answer = await call(guarded(), headers={**JSON_HEADERS, "content-encoding": "gzip"})
    assert answer.status == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"x-kameng-client": " "}, 400),
        ({"authorization": "Basic abc"}, 400),
        ({"cookie": "session=1"}, 400),
        ({"authorization": "Bearer abc"}, 200),
        ({"authorization": "bearer abc"}, 200),
        ({"x-kameng-client": "shop"}, 200),
    ],
)
async def test_a_request_needs_a_header_that_another_site_cannot_send(
    headers: dict[str, str], status: int
) -> None:
    answer = await call(
        guarded(), headers={"content-type": "application/json", **headers}, chunks=[body_of()]
    )
    assert answer.status == status
    if status == 400:
        assert answer.code == "CLIENT_HEADER_REQUIRED"


async def test_every_answer_carries_the_security_headers_and_its_own_request_id() -> None:
    answers = [
        await call(guarded(), chunks=[body_of()]),
        await call(guarded(), method="GET"),
        await call(guarded(), chunks=[b"null"]),
        await call(guarded(), chunks=[bytes(300 * KIB)]),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_headers_that_a_page_sets_itself_are_kept() -> None:
    own = {"cache-control": "public, max-age=60", "content-security-policy": "default-src 'self'"}
    answer = await call(guarded(PlainTextResponse("page", headers=own)), "/shop", method="GET")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["content-security-policy"] == "default-src 'self'"


# --- other routes -------------------------------------------------------------------------------


async def test_another_route_has_its_own_limit_and_its_body_arrives_byte_for_byte() -> None:
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/payments/stripe/webhook", echo, methods=["POST"])])
    guard = RequestGuard(
        app, settings=GuardSettings(routes=(RouteLimits(path="/payments", max_body_bytes=100),))
    )
    path, headers = "/payments/stripe/webhook", {"stripe-signature": "t=1"}
    exact = bytes(range(100))
    answer = await call(guard, path, headers=headers, chunks=[exact[:33], exact[33:]])
    assert (answer.status, answer.body) == (200, exact)
    assert (await call(guard, path, headers=headers, chunks=[exact, b"x"])).status == 413
    assert (await call(guard, "/paymentsX", headers=headers, chunks=[exact, b"x"])).status == 404


async def test_the_usual_settings_give_the_webhooks_places_and_time_of_their_own() -> None:
    settings = GuardSettings.usual(deadline_seconds=1.5, max_concurrent=100)
    api, hook = settings.route_for("/graphql"), settings.route_for("/payments/stripe/webhook")
    assert (api.graphql, api.deadline_seconds, api.max_concurrent) == (True, 1.5, 100)
    assert (hook.graphql, hook.deadline_seconds, hook.max_concurrent) == (False, 6.0, 25)
    assert settings.route_for("/graphqlx") is settings.other


# --- time and places ----------------------------------------------------------------------------


async def test_a_resolver_that_hangs_is_cancelled_at_the_deadline_and_answered_503() -> None:
    guard = guarded(routes=graphql_route(deadline_seconds=0.1))
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await call(guard, chunks=[body_of("{slow}")])
    assert (answer.status, answer.code) == (503, "DEADLINE_EXCEEDED")
    assert answer.headers["retry-after"] == "1"
    assert len(asyncio.all_tasks()) == 1, "the resolver's task was left running"


async def test_a_body_that_trickles_in_is_cut_off_at_the_deadline() -> None:
    guard = guarded(routes=graphql_route(deadline_seconds=0.1))
    answer = await call(guard, chunks=[b" "] * 100, delay_seconds=0.02)
    assert (answer.status, answer.code) == (503, "DEADLINE_EXCEEDED")
    assert answer.chunks_read < 20


async def test_an_answer_that_has_begun_is_not_followed_by_a_second_one() -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.sleep(2 * PATIENCE_SECONDS)

    guard = guarded(StreamingResponse(stuck(), media_type="text/csv"), drain_seconds=0.1)
    answer = await call(guard, "/export", method="GET")
    assert (answer.status, answer.body) == (200, b"half")


async def test_an_event_stream_outlives_the_deadline_and_gives_its_place_back() -> None:
    ticking: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ticking.append(scope)
        await StreamingResponse(_ticks(), media_type="text/event-stream")(scope, receive, send)

    guard = guarded(
        app,
        routes=(),
        other=RouteLimits(path="/", deadline_seconds=DEADLINE_SECONDS, max_concurrent=1),
        drain_seconds=DEADLINE_SECONDS,
    )

    def listen() -> asyncio.Task[Answer]:
        headers = {"accept": "text/event-stream"}
        return asyncio.create_task(call(guard, "/events", method="GET", headers=headers))

    first = listen()
    await until_true(lambda: ticking)
    await asyncio.sleep(0.02)
    second = listen()
    answers = [await first, await second]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.body for answer in answers] == [b"tick" * 4] * 2


async def _ticks() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield b"tick"
        await asyncio.sleep(DEADLINE_SECONDS)


class Gate:
    """An application whose answers wait until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.waiting += 1
        await self.opened.wait()
        await PlainTextResponse("done")(scope, receive, send)


async def test_a_request_too_many_is_refused_at_once_and_the_places_come_back() -> None:
    gate = Gate()
    guard = guarded(gate, routes=graphql_route(max_concurrent=3))
    held = [asyncio.create_task(call(guard, chunks=[body_of()])) for _ in range(3)]
    await until_true(lambda: gate.waiting == 3)
    async with asyncio.timeout(PATIENCE_SECONDS):  # those who have a place would wait for ever
        shed = await call(guard, chunks=[body_of()])
    assert (shed.status, shed.code, shed.chunks_read) == (503, "OVERLOADED", 0)
    assert shed.headers["retry-after"] == "1"
    gate.opened.set()
    assert [(await task).status for task in held] == [200, 200, 200]
    assert (await call(guard, chunks=[body_of()])).status == 200


async def test_a_flood_of_one_kind_of_request_leaves_the_others_their_places() -> None:
    gate = Gate()
    guard = guarded(
        gate,
        routes=(
            *graphql_route(max_concurrent=1),
            RouteLimits(path="/payments", max_concurrent=1, deadline_seconds=PATIENCE_SECONDS),
        ),
    )
    flood = asyncio.create_task(call(guard, chunks=[body_of()]))
    await until_true(lambda: gate.waiting == 1)
    paid = asyncio.create_task(call(guard, "/payments/stripe/webhook"))
    assert (await call(guard, chunks=[body_of()])).status == 503
    gate.opened.set()
    assert ((await flood).status, (await paid).status) == (200, 200)


async def test_one_hosts_visitors_cannot_take_every_place() -> None:
    gate = Gate()
    guard = guarded(gate, routes=graphql_route(max_concurrent=4, max_concurrent_per_host=2))

    def ask(host: str) -> asyncio.Task[Answer]:
        headers = {**JSON_HEADERS, "host": host}
        return asyncio.create_task(call(guard, headers=headers, chunks=[body_of()]))

    spellings = ("loud.example", "LOUD.example", "loud.example:8080", "loud.example.")
    loud = [ask(host) for host in spellings]
    assert [(await task).status for task in loud[2:]] == [503, 503]
    quiet = [ask("quiet.example") for _ in range(2)]
    await until_true(lambda: gate.waiting == 4)
    gate.opened.set()
    assert [(await task).status for task in loud[:2]] == [200, 200]
    assert [(await task).status for task in quiet] == [200, 200]


async def test_places_come_back_after_refusals_deadlines_and_failures() -> None:
    guard = guarded(routes=graphql_route(max_concurrent=1, deadline_seconds=DEADLINE_SECONDS))

    async def status_of(body: bytes) -> int | None:
        answer = await call(guard, chunks=[body])
        assert not (answer.status == 503 and answer.code == "OVERLOADED")
        return answer.status

    for body in (b"null", bytes(300 * KIB), body_of("{slow}")):
        assert await status_of(body) is not None
    # A busy machine may take longer than the deadline; the place is there all the same.
    await until(lambda: status_of(body_of()), lambda status: status == 200)


async def test_health_answers_when_no_place_is_left() -> None:
    guard = guarded(
        PlainTextResponse("ok"), other=RouteLimits(path="/", max_concurrent=0), routes=()
    )
    assert (await call(guard, "/other", method="GET")).status == 503
    assert (await call(guard, "/healthz", method="GET")).status == 200


async def test_a_client_that_leaves_in_the_middle_of_its_body_gets_no_answer() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": [
        (name.encode(), value.encode()) for name, value in JSON_HEADERS.items()
    ]}  # fmt: skip
    await guarded()(scope, receive, send)
    assert sent == []


# --- failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("canaryzzz"), TimeoutError("canaryzzz")])
async def test_a_bug_is_answered_and_logged_without_what_it_says(error: Exception) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    root = logging.getLogger()
    handlers = list(root.handlers)
    stream = io.StringIO()
    log.configure_logging(stream=stream)
    try:
        answer = await call(guarded(broken), chunks=[body_of()])
    finally:
        root.handlers[:] = handlers
    assert (answer.status, answer.code) == (500, "INTERNAL")
    assert "canaryzzz" not in answer.body.decode() + stream.getvalue()
    line = json.loads(stream.getvalue())
    assert line["error_class"] == type(error).__name__
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["frames"][-1].endswith(" broken")


# --- WebSockets ---------------------------------------------------------------------------------


class Socket:
    """The client's side of one WebSocket, spoken straight to the application."""

    def __init__(
        self, app: ASGIApp, *, protocols: Iterable[str] = (), host: str = "shop.example"
    ) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        scope: Scope = {
            "type": "websocket", "path": "/graphql", "raw_path": b"/graphql",
            "headers": [(b"host", host.encode())], "query_string": b"",
            "root_path": "", "scheme": "ws", "http_version": "1.1",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5),
            "subprotocols": list(protocols),
        }  # fmt: skip
        self._to_app.put_nowait({"type": "websocket.connect"})
        self.served = asyncio.ensure_future(app(scope, self._to_app.get, self._from_app.put))

    async def next(self) -> Message:
        return await asyncio.wait_for(self._from_app.get(), PATIENCE_SECONDS)

    async def accepted(self) -> "Socket":
        assert (await self.next())["type"] == "websocket.accept"
        return self

    async def ask(self, text: str | None = None, *, data: bytes | None = None) -> Message:
        """Send one message, and give what comes back."""
        self._to_app.put_nowait({"type": "websocket.receive", "text": text, "bytes": data})
        return await self.next()

    async def leave(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.served, PATIENCE_SECONDS)


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


async def test_a_message_in_order_passes_through_the_guard() -> None:
    socket = await Socket(guarded(_echo)).accepted()
    for message in (
        '{"type":"connection_init"}',
        '{"type":"subscribe","id":"1","payload":{"query":"subscription{x}"}}',
        '{"type":"complete","id":"1"}',
    ):
        assert (await socket.ask(message))["text"] == message
    await socket.leave()


@pytest.mark.parametrize(
    ("message", "close_code"),
    [
        ("null", 4400),
        ("[]", 4400),
        ("5", 4400),
        ("{}", 4400),
        ('{"type":5}', 4400),
        ("[" * 5_000, 4400),
        ("not json", 4400),
        ("\ud800", 4400),
        ('{"type":"ping","payload":"\\u0000"}', 4400),
        ('{"type":"subscribe","id":"1"}', 4400),
        ('{"type":"subscribe","id":[],"payload":{"query":"{x}"}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":5}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":"{x}","variables":[]}}', 4400),
        ('{"type":"ping","payload":"' + "x" * 70_000 + '"}', 1009),
        ('{"type":"ping","payload":"' + "界" * 30_000 + '"}', 1009),
    ],
)
async def test_a_message_out_of_order_closes_the_connection(message: str, close_code: int) -> None:
    socket = await Socket(guarded(_echo)).accepted()
    closed = await socket.ask(message)
    assert (closed["type"], closed["code"]) == ("websocket.close", close_code)
    await asyncio.wait_for(socket.served, PATIENCE_SECONDS)


async def test_a_binary_message_closes_the_connection() -> None:
    socket = await Socket(guarded(_echo)).accepted()
    closed = await socket.ask(data=b'{"type":"ping"}')
    assert (closed["type"], closed["code"]) == ("websocket.close", 1003)
    await asyncio.wait_for(socket.served, PATIENCE_SECONDS)


async def test_a_connection_too_many_is_refused_and_a_closed_one_makes_room() -> None:
    guard = guarded(_echo, max_connections=1)
    first = await Socket(guard).accepted()
    refused = await Socket(guard).next()
    assert (refused["type"], refused["code"]) == ("websocket.close", 1013)
    await first.leave()
    second = await Socket(guard).accepted()
    await second.leave()


async def test_one_hosts_sockets_cannot_take_every_place() -> None:
    guard = guarded(_echo, max_connections=2, max_connections_per_host=1)
    loud = await Socket(guard, host="loud.example").accepted()
    refused = await Socket(guard, host="LOUD.example:8080").next()
    assert (refused["type"], refused["code"]) == ("websocket.close", 1013)
    quiet = await Socket(guard, host="quiet.example").accepted()
    await loud.leave()
    await quiet.leave()


def test_the_usual_settings_leave_other_hosts_a_part_of_the_connections() -> None:
    settings = GuardSettings.usual()
    assert settings.max_connections_per_host is not None
    assert 0 < settings.max_connections_per_host < settings.max_connections


async def test_an_operation_over_strawberrys_own_protocol_works_behind_the_guard() -> None:
    app = GraphQL[None, None](schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    socket = await Socket(guarded(app), protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL]).accepted()
    acknowledged = await socket.ask('{"type":"connection_init"}')
    assert json.loads(acknowledged["text"]) == {"type": "connection_ack"}
    message = {"type": "subscribe", "id": "1", "payload": {"query": "{hello}"}}
    answer = await socket.ask(json.dumps(message))
    assert json.loads(answer["text"])["payload"]["data"] == {"hello": "hello you"}
    await socket.leave()
