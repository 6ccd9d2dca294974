"""The guard itself: an ASGI application around the application."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.guard.answers import (
    RequestRefused,
    add_security_headers,
    internal_error,
    send_refusal,
    too_slow,
)
from entrypoints.guard.bodies import (
    GRAPHQL_BODY,
    ClientLeft,
    canonical_headers,
    may_have_body,
    parse_graphql_body,
    read_body,
    replay,
    require_graphql_request,
)
from entrypoints.guard.fields import HeaderFields
from entrypoints.guard.limits import GuardSettings, RouteLimits
from entrypoints.guard.places import Places
from entrypoints.guard.query_strings import names_document_in_url, parse_graphql_query_string
from entrypoints.guard.websockets import TRY_AGAIN_LATER, GuardedSocket
from kernel.log import get_logger, new_request_id, request_scope
from tenants.directory import host_name

_log = get_logger(__name__)

_EVENT_STREAM = "text/event-stream"


class RequestGuard:
    """Put it outermost: `RequestGuard(app, settings=GuardSettings.usual())`."""

    def __init__(self, app: ASGIApp, *, settings: GuardSettings) -> None:
        self._app = app
        self._settings = settings
        self._places = {
            route: Places(
                route.max_concurrent,
                per_host=route.max_concurrent_per_host,
                retry_after_seconds=settings.retry_after_seconds,
            )
            for route in (*settings.routes, settings.other)
        }
        self._bodies = Places(settings.max_bodies, retry_after_seconds=settings.retry_after_seconds)
        self._connections = Places(
            settings.max_connections,
            per_host=settings.max_connections_per_host,
            retry_after_seconds=settings.retry_after_seconds,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            with request_scope(new_request_id()):
                await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            with request_scope(new_request_id()):
                await self._connect(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._settings.route_for(scope["path"])
        answer = _Answer(send, api=route is not self._settings.other)
        try:
            if scope["path"] in self._settings.unguarded_paths:
                await self._app(scope, receive, answer.send)
            else:
                await self._serve_with_limits(scope, receive, answer, route)
        except RequestRefused as refused:
            await answer.refuse(scope, refused)
        except ClientLeft:
            return
        except Exception as error:  # the last resort: nothing of a bug may reach the client
            _log.error("request.failed", method=scope["method"], path=scope["path"], exc_info=error)
            await answer.refuse(scope, internal_error())

    async def _serve_with_limits(
        self, scope: Scope, receive: Receive, answer: "_Answer", route: RouteLimits
    ) -> None:
        headers = HeaderFields(scope)
        host = _host_of(headers)
        self._places[route].require_one(host)  # when all are taken, nothing is read
        ready = await self._read_in_time(scope, receive, headers, route, host)
        with ExitStack() as held:
            place = held.enter_context(self._places[route].take(host))
            streams = _EVENT_STREAM in headers.get("accept", "").lower()
            if streams:
                held.enter_context(self._connections.take(host))
            try:
                async with asyncio.timeout(route.deadline_seconds) as deadline:

                    def extend(start: Message) -> None:
                        if self._extend(deadline, start) and streams:
                            place.give_back()

                    answer.on_start = extend
                    await self._app(scope, ready, answer.send)
            except TimeoutError:
                if not deadline.expired():
                    raise  # the application's own, and so a bug like any other
                _log.warning("request.too_slow", method=scope["method"], path=scope["path"])
                refused = too_slow(retry_after_seconds=self._settings.retry_after_seconds)
                raise refused from None

    async def _read_in_time(
        self, scope: Scope, receive: Receive, headers: HeaderFields, route: RouteLimits, host: str
    ) -> Receive:
        """Read the body before a place is taken: who sends slowly takes nobody's place."""
        seconds = min(self._settings.body_seconds, route.deadline_seconds)
        try:
            with self._bodies.take(host):
                async with asyncio.timeout(seconds) as deadline:
                    return await self._ready(scope, receive, headers, route)
        except TimeoutError:
            if not deadline.expired():
                raise
            retry = self._settings.retry_after_seconds
            raise too_slow(retry_after_seconds=retry) from None

    async def _ready(
        self, scope: Scope, receive: Receive, headers: HeaderFields, route: RouteLimits
    ) -> Receive:
        """Check the request and read its body, so that what follows cannot wait for the client."""
        if route.graphql and names_document_in_url(scope):
            max_depth = self._settings.max_json_depth
            scope[GRAPHQL_BODY] = parse_graphql_query_string(scope, max_depth=max_depth)
            return receive
        if route.graphql:
            require_graphql_request(scope, headers)
        elif scope["method"] in ("GET", "HEAD") or not may_have_body(headers):
            return receive
        body = await read_body(receive, headers=headers, max_bytes=route.max_body_bytes)
        if route.graphql:
            scope["headers"] = canonical_headers(scope)
            scope[GRAPHQL_BODY] = parse_graphql_body(body, max_depth=self._settings.max_json_depth)
        return replay(body, receive)

    def _extend(self, deadline: asyncio.Timeout, start: Message) -> bool:
        """Lift the deadline when the answer begins; say whether the answer is an event stream.

        The work is done then, and what is left is the client's own pace.
        """
        streams = any(
            name.lower() == b"content-type" and value.startswith(_EVENT_STREAM.encode())
            for name, value in start.get("headers", ())
        )
        if not deadline.expired():
            now = asyncio.get_running_loop().time()
            deadline.reschedule(None if streams else now + self._settings.drain_seconds)
        return streams

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = GuardedSocket(
            receive,
            send,
            max_message_bytes=self._settings.max_websocket_message_bytes,
            max_json_depth=self._settings.max_json_depth,
        )
        try:
            with self._connections.take(_host_of(HeaderFields(scope))):
                await self._app(scope, socket.receive, socket.send)
        except RequestRefused:
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER, "reason": ""})


class _Answer:
    """The way out: adds the headers, and remembers whether an answer has begun."""

    def __init__(self, send: Send, *, api: bool) -> None:
        self._send = send
        self._api = api
        self._started = False
        self.on_start: Callable[[Message], None] = _ignore

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self.on_start(message)
            add_security_headers(message, api=self._api)
        await self._send(message)

    async def refuse(self, scope: Scope, refused: RequestRefused) -> None:
        """Send a refusal, if there is still an answer to give."""
        if not self._started:
            self.on_start = _ignore
            await send_refusal(scope, self.send, refused)


def _ignore(start: Message) -> None:
    """Nothing to do when an answer begins."""


def _host_of(headers: HeaderFields) -> str:
    """Whose share of the places a request takes: a port or a dot more is no other shop."""
    return host_name(headers.get("host", "")) or ""
