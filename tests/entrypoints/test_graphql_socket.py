"""The protocol graphql-transport-ws, message by message, and what a socket that waits holds."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
import strawberry
from starlette.types import ASGIApp, Message, Scope

from entrypoints.graphql_socket import GraphQLSocket, caller_watch, session
from identity.models import TokenKind
from identity.tokens import Caller
from kernel.errors import Forbidden
from lone_shop import LONE_SHOP
from patience import PATIENCE_SECONDS, until_true
from schema.compiled_schema import CompiledSchema
from schema.documents import DocumentLibrary, TrustedDocuments
from schema.limits import Gate, QueryLimits
from tenants.directory import Shop

PROTOCOL: Final = "graphql-transport-ws"
INIT: Final = {"type": "connection_init"}
TICKS: Final = "subscription Ticks($upTo: Int!) { ticks(upTo: $upTo) }"
WAIT: Final = "subscription { waits }"
LEAVE_SLOWLY: Final = "subscription { leavesSlowly }"


class Waiting:
    """How many subscriptions wait for what never comes."""

    now = 0
    most = 0
    changed: asyncio.Event
    may_leave: asyncio.Event


@strawberry.type
class Query:
    @strawberry.field
    def id(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, up_to: int) -> AsyncIterator[int]:
        for tick in range(up_to):
            yield tick

    @strawberry.subscription
    async def waits(self) -> AsyncIterator[int]:
        Waiting.now += 1
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            Waiting.now -= 1
            Waiting.changed.set()

    @strawberry.subscription
    async def leaves_slowly(self, fails: bool = False) -> AsyncIterator[int]:
        Waiting.now += 1
        Waiting.most = max(Waiting.now, Waiting.most)
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            Waiting.changed.set()
            await Waiting.may_leave.wait()
            Waiting.now -= 1
            if fails:
                raise RuntimeError

    @strawberry.subscription
    async def refused(self) -> AsyncIterator[int]:
        yield 1
        raise Forbidden("Not for you.")

    @strawberry.subscription
    async def unspeakable(self) -> AsyncIterator[int]:
        yield 2**40  # more than the type `Int` holds


@pytest.fixture(autouse=True)
def nobody_waits() -> None:
    Waiting.now = Waiting.most = 0
    Waiting.changed, Waiting.may_leave = asyncio.Event(), asyncio.Event()


def make_app() -> GraphQLSocket:
    gate = Gate(QueryLimits(), production=True, sensitive_mutations=frozenset())
    schema = CompiledSchema(query=Query, subscription=Subscription, gate=gate)
    return GraphQLSocket(schema, library=DocumentLibrary(TrustedDocuments({})))


def scope_of(protocols: Sequence[str], headers: Mapping[str, str]) -> Scope:
    return {
        "type": "websocket", "path": "/graphql", "query_string": b"", "scheme": "ws",
        "headers": [
            (b"host", b"shop.localhost"),
            *((name.encode(), text.encode()) for name, text in headers.items()),
        ],
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 80),
        "subprotocols": list(protocols), "kameng.shop": LONE_SHOP,
    }  # fmt: skip


class Socket:
    """The client's side, spoken straight to the application."""

    def __init__(
        self,
        app: GraphQLSocket | None = None,
        *,
        protocols: tuple[str, ...] = (PROTOCOL,),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self.left = False
        self.scope = scope_of(protocols, headers or {})
        self._to_app.put_nowait({"type": "websocket.connect"})
        self.served = asyncio.create_task(
            (app or make_app())(self.scope, self._to_app.get, self._take)
        )

    async def _take(self, message: Message) -> None:
        if self.left:
            raise OSError  # as the server says it
        await self._from_app.put(message)

    def say(self, *messages: Any) -> "Socket":
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self._to_app.put_nowait({"type": "websocket.receive", "text": text})
        return self

    async def hear(self) -> Any:
        """The next message: what it says, or how the server opens or closes."""
        message = await asyncio.wait_for(self._from_app.get(), PATIENCE_SECONDS)
        return json.loads(message["text"]) if "text" in message else message

    async def taken(self) -> None:
        """Give the application the turns to take all that was said, and to do what it can."""
        for _ in range(200):
            await asyncio.sleep(0)
        assert self._to_app.empty()

    async def opened(self) -> "Socket":
        assert await self.hear() == {
            "type": "websocket.accept",
            "subprotocol": PROTOCOL,
            "headers": [],
        }
        return self

    async def ready(self) -> "Socket":
        self.say(INIT)
        await self.opened()
        assert await self.hear() == {"type": "connection_ack"}
        return self

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes."""
        message = await self.hear()
        assert message["type"] == "websocket.close", message
        await asyncio.wait_for(self.served, PATIENCE_SECONDS)
        return message["code"], message["reason"]

    async def leave(self) -> None:
        self.left = True
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.served, PATIENCE_SECONDS)


def subscribe(id_: str, query: str, **variables: Any) -> dict[str, Any]:
    payload = {"query": query, "variables": variables}
    return {"id": id_, "type": "subscribe", "payload": payload}


def event(id_: str, **data: Any) -> dict[str, Any]:
    cost = {"cost": {"requested": 1, "limit": QueryLimits().max_cost}}
    return {"id": id_, "type": "next", "payload": {"data": data, "extensions": cost}}


# --- the opening --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://shop.localhost"},
        {"origin": "https://elsewhere.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_our_own_pages_and_programs_may_open_a_socket(headers: dict[str, str]) -> None:
    await (await Socket(headers=headers).ready()).leave()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://shop.localhost:1"])
async def test_a_foreign_page_may_not_open_a_socket(origin: str) -> None:
    socket = Socket(headers={"origin": origin})
    assert await socket.hear() == {"type": "websocket.close"}  # not accepted: 403
    await asyncio.wait_for(socket.served, PATIENCE_SECONDS)


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",)])
async def test_who_speaks_another_protocol_is_told_so(protocols: tuple[str, ...]) -> None:
    socket = Socket(protocols=protocols)
    assert (await socket.hear())["subprotocol"] is None
    assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_who_does_not_say_who_asks_is_closed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "INIT_SECONDS", 0.0)
    socket = await Socket().opened()
    assert await socket.closed() == (4408, "Connection initialisation timeout")


async def test_who_has_said_who_asks_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[asyncio.Timeout] = []
    usual = asyncio.timeout

    def noted(seconds: float) -> asyncio.Timeout:
        patience.append(usual(seconds))
        return patience[-1]

    monkeypatch.setattr("asyncio.timeout", noted)
    socket = Socket()
    await socket.opened()
    assert patience[0].when() is not None
    socket.say(INIT)
    assert (await socket.hear())["type"] == "connection_ack"
    assert patience[0].when() is None
    await socket.leave()


async def test_a_token_that_is_no_good_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(token: str | None, shop: Shop, *, ip: str) -> None:
        raise Forbidden(f"{token} {shop.slug} {ip}")

    monkeypatch.setattr(caller_watch, "caller_of", nobody)
    socket = await Socket().opened()
    socket.say({**INIT, "payload": {"authorization": "Bearer kmg_12345678"}})
    assert await socket.closed() == (4403, "Forbidden")


class Desk:
    """Who a token speaks for, until that changes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: TokenKind) -> None:
        self.caller: Caller | None = Caller(kind, LONE_SHOP.id, LONE_SHOP.id)
        self.asked = 0
        monkeypatch.setattr(caller_watch, "caller_of", self._caller_of)

    async def _caller_of(self, token: str | None, shop: Shop, *, ip: str) -> Caller | None:
        self.asked += 1
        if token is not None and self.caller is None:
            raise Forbidden("ended")
        return self.caller if token is not None else None

    def change(self, how: str) -> None:
        """Dismiss whoever it is, or take a role away."""
        if how == "dismissed":
            self.caller = None
        else:
            assert self.caller is not None
            self.caller = replace(self.caller, scopes=frozenset({"less"}))


async def opened_by(token: str) -> Socket:
    socket = await Socket().opened()
    socket.say({**INIT, "payload": {"authorization": f"Bearer {token}"}})
    assert await socket.hear() == {"type": "connection_ack"}
    return socket


@pytest.mark.parametrize("how", ["dismissed", "changed"])
async def test_a_member_of_staff_who_loses_rights_loses_the_socket(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(caller_watch, "LOOK_AGAIN_SECONDS", 0.01)
    desk = Desk(monkeypatch, TokenKind.STAFF)
    socket = await opened_by("kms_12345678")
    socket.say(subscribe("1", WAIT))
    assert await socket.hear() == event("1", waits=1)
    desk.change(how)
    assert await socket.closed() == (4403, "Forbidden")
    assert Waiting.now == 0


@pytest.mark.parametrize("how", ["dismissed", "changed"])
async def test_who_has_lost_rights_subscribes_to_nothing_more(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(caller_watch, "LOOK_AGAIN_SECONDS", PATIENCE_SECONDS)
    desk = Desk(monkeypatch, TokenKind.API_CLIENT)
    socket = await opened_by("kma_12345678")
    desk.change(how)
    socket.say(subscribe("1", WAIT))
    assert await socket.closed() == (4403, "Forbidden")
    assert Waiting.now == 0


async def test_a_look_that_fails_closes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_watch, "LOOK_AGAIN_SECONDS", 0.01)
    desk = Desk(monkeypatch, TokenKind.STAFF)
    socket = await opened_by("kms_12345678")

    async def away(token: str | None, shop: Shop, *, ip: str) -> None:
        desk.asked += 1
        raise OSError

    monkeypatch.setattr(caller_watch, "caller_of", away)
    asked = desk.asked
    await until_true(lambda: desk.asked >= asked + 3)
    socket.say({"type": "ping"})
    assert await socket.hear() == {"type": "pong"}
    await socket.leave()


async def test_a_customers_socket_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_watch, "LOOK_AGAIN_SECONDS", 0.0)
    desk = Desk(monkeypatch, TokenKind.CUSTOMER)
    socket = await opened_by("kmc_12345678")
    socket.say(subscribe("1", WAIT))
    assert await socket.hear() == event("1", waits=1)
    await socket.taken()
    assert desk.asked == 1
    await socket.leave()


# --- the conversation ---------------------------------------------------------------------------


async def test_a_ping_is_answered_at_any_time() -> None:
    socket = await Socket().opened()
    assert await socket.say({"type": "ping"}, {"type": "pong"}).hear() == {"type": "pong"}
    assert await socket.say(INIT).hear() == {"type": "connection_ack"}
    assert await socket.say({"type": "ping", "payload": {}}).hear() == {"type": "pong"}
    await socket.leave()


@pytest.mark.parametrize(
    ("said", "closing"),
    [
        ([{**INIT, "payload": 5}], (4400, "Invalid connection init payload")),
        ([{"type": "start"}], (4400, "Unknown message type: start")),
        ([{"id": "1"}], (4400, "Unknown message type: None")),
        (["5"], (4400, "Failed to parse message")),
        (["{"], (4400, "WebSocket message must be valid JSON")),
        ([subscribe("1", TICKS)], (4401, "Unauthorized")),
    ],
)
async def test_who_breaks_the_protocol_is_closed_on(
    said: list[Any], closing: tuple[int, str]
) -> None:
    socket = await Socket().opened()
    assert await socket.say(*said).closed() == closing


@pytest.mark.parametrize(
    ("said", "closing"),
    [
        ([INIT], (4429, "Too many initialisation requests")),
        ([{"type": "subscribe", "id": "1"}], (4400, "Failed to parse message")),
        ([{"type": "subscribe", "payload": {"query": TICKS}}], (4400, "Failed to parse message")),
    ],
)
async def test_who_breaks_the_protocol_later_is_closed_on(
    said: list[Any], closing: tuple[int, str]
) -> None:
    socket = await Socket().ready()
    assert await socket.say(*said).closed() == closing


async def test_an_id_is_for_one_subscription_at_a_time() -> None:
    socket = await Socket().ready()
    assert await socket.say(subscribe("a", WAIT)).hear() == event("a", waits=1)
    socket.say(subscribe("a", WAIT))
    assert await socket.closed() == (4409, "Subscriber for a already exists")
    assert Waiting.now == 0


async def test_a_reason_fits_into_the_frame_that_closes() -> None:
    socket = await Socket().ready()
    long = "界" * 200
    assert await socket.say(subscribe(long, WAIT)).hear() == event(long, waits=1)
    code, reason = await socket.say(subscribe(long, WAIT)).closed()
    assert (code, len(reason.encode()) <= session.MAX_REASON_BYTES) == (4409, True)
    assert reason.startswith("Subscriber for 界")


async def test_events_come_in_order_and_then_the_end() -> None:
    socket = await Socket().ready()
    socket.say(subscribe("1", TICKS, upTo=2))
    heard = [await socket.hear() for _ in range(3)]
    assert heard == [event("1", ticks=0), event("1", ticks=1), {"id": "1", "type": "complete"}]
    assert await socket.say(subscribe("1", TICKS, upTo=1)).hear() == event("1", ticks=0)
    await socket.leave()


async def test_several_subscriptions_share_a_socket_up_to_a_bound() -> None:
    socket = await Socket().ready()
    ids = [str(number) for number in range(session.MAX_SUBSCRIPTIONS)]
    socket.say(*(subscribe(id_, WAIT) for id_ in ids))
    assert [await socket.hear() for _ in ids] == [event(id_, waits=1) for id_ in ids]
    refused = await socket.say(subscribe("more", WAIT)).hear()
    assert (refused["id"], refused["type"]) == ("more", "error")
    assert refused["payload"][0]["message"] == "Subscription limit reached"
    socket.say({"id": ids[0], "type": "complete"}, subscribe("more", WAIT))
    assert await socket.hear() == event("more", waits=1)
    await socket.leave()
    assert Waiting.now == 0


async def test_who_is_on_the_way_out_counts_until_it_has_left() -> None:
    socket = await Socket().ready()
    for number in range(session.MAX_SUBSCRIPTIONS):
        id_ = str(number)
        assert await socket.say(subscribe(id_, LEAVE_SLOWLY)).hear() == event(id_, leavesSlowly=1)
        socket.say({"id": id_, "type": "complete"})
    socket.say(subscribe("more", LEAVE_SLOWLY))
    await socket.taken()
    assert Waiting.now == session.MAX_SUBSCRIPTIONS
    Waiting.may_leave.set()
    assert await socket.hear() == event("more", leavesSlowly=1)
    assert Waiting.most == session.MAX_SUBSCRIPTIONS
    await socket.leave()
    assert Waiting.now == 0


async def test_a_bug_on_the_way_out_says_nothing_of_who_has_the_id_now() -> None:
    before = asyncio.all_tasks()
    socket = await Socket().ready()
    fails = subscribe("1", "subscription { leavesSlowly(fails: true) }")
    assert await socket.say(fails).hear() == event("1", leavesSlowly=1)
    leaving = asyncio.all_tasks() - before - {socket.served}
    socket.say({"id": "1", "type": "complete"})
    await asyncio.wait_for(Waiting.changed.wait(), PATIENCE_SECONDS)
    assert await socket.say(subscribe("1", WAIT)).hear() == event("1", waits=1)
    Waiting.may_leave.set()
    assert await asyncio.wait(leaving, timeout=PATIENCE_SECONDS) == (leaving, set())
    assert await socket.say({"type": "ping"}).hear() == {"type": "pong"}
    await socket.leave()


async def test_who_wants_no_more_is_told_no_more() -> None:
    socket = await Socket().ready()
    assert await socket.say(subscribe("1", WAIT)).hear() == event("1", waits=1)
    socket.say({"id": "1", "type": "complete"}, {"id": "2", "type": "complete"})
    await asyncio.wait_for(Waiting.changed.wait(), PATIENCE_SECONDS)
    assert await socket.say({"type": "ping"}).hear() == {"type": "pong"}
    assert Waiting.now == 0
    await socket.leave()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (TICKS, "BAD_USER_INPUT"),
        ("query { id }", "BAD_REQUEST"),
    ],
)
async def test_what_is_not_executed_is_an_error_and_no_event(query: str, code: str) -> None:
    socket = await Socket().ready()
    refused = await socket.say(subscribe("1", query)).hear()
    assert (refused["id"], refused["type"]) == ("1", "error")
    assert refused["payload"][0]["extensions"]["code"] == code
    assert await socket.say(subscribe("1", TICKS, upTo=1)).hear() == event("1", ticks=0)
    await socket.leave()


async def test_a_refusal_ends_a_subscription_that_runs() -> None:
    socket = await Socket().ready()
    assert await socket.say(subscribe("1", "subscription { refused }")).hear()
    refused = await socket.hear()
    assert refused["payload"]["data"] is None
    assert refused["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await socket.hear() == {"id": "1", "type": "complete"}
    await socket.leave()


async def test_an_event_that_cannot_be_told_is_masked_and_the_next_ones_come() -> None:
    socket = await Socket().ready()
    masked = await socket.say(subscribe("1", "subscription { unspeakable }")).hear()
    assert masked["type"] == "next"
    assert masked["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert await socket.hear() == {"id": "1", "type": "complete"}
    await socket.leave()


async def test_a_bug_of_ours_ends_its_subscription_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    socket = await Socket().ready()
    assert await socket.say(subscribe("1", WAIT)).hear() == event("1", waits=1)
    monkeypatch.setattr(session, "_payload", lambda result: 1 / 0)
    assert await socket.say(subscribe("2", WAIT)).hear() == {"id": "2", "type": "complete"}
    assert await socket.say({"type": "ping"}).hear() == {"type": "pong"}
    assert Waiting.now == 1
    await socket.leave()


# --- the end ------------------------------------------------------------------------------------


async def test_nothing_is_left_of_who_has_left() -> None:
    before = asyncio.all_tasks()
    socket = await Socket().ready()
    socket.say(subscribe("1", WAIT), subscribe("2", WAIT))
    assert [await socket.hear() for _ in "12"] == [event("1", waits=1), event("2", waits=1)]
    await socket.leave()
    assert (Waiting.now, asyncio.all_tasks()) == (0, before)


async def test_a_socket_is_open_until_the_last_of_it_has_left() -> None:
    before = asyncio.all_tasks()
    socket = await Socket().ready()
    assert await socket.say(subscribe("1", LEAVE_SLOWLY)).hear() == event("1", leavesSlowly=1)
    socket.say({"id": "1", "type": "complete"})
    await asyncio.wait_for(Waiting.changed.wait(), PATIENCE_SECONDS)
    leaving = asyncio.create_task(socket.leave())
    await socket.taken()
    assert not socket.served.done()
    Waiting.may_leave.set()
    await leaving
    assert (Waiting.now, asyncio.all_tasks()) == (0, before)


async def test_who_leaves_while_we_speak_is_no_error_of_ours() -> None:
    before = asyncio.all_tasks()
    socket = await Socket().ready()
    socket.left = True
    socket.say({"type": "ping"})
    await asyncio.wait_for(socket.served, PATIENCE_SECONDS)
    assert asyncio.all_tasks() == before


# --- what it holds ------------------------------------------------------------------------------

SOCKETS: Final = 50
MOST_BYTES: Final = 10_000
"""Of a socket that waits with one subscription, beside what the server has for it: 7,400 here, and
20,400 by Strawberry's handler and its way of executing."""


class Crowd:
    """Many who watch and say nothing more, with next to nothing of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._all_over = asyncio.Event()
        self._heard = 0
        self._to_hear = 0
        self._all_heard = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, number: int) -> None:
        """Open so many sockets, and wait until each has its first event."""
        self._to_hear += 3 * number
        self._all_heard.clear()
        self._tasks += [asyncio.create_task(self._watch()) for _ in range(number)]
        await asyncio.wait_for(self._all_heard.wait(), PATIENCE_SECONDS)

    async def leave(self) -> None:
        """Close all of them."""
        self._all_over.set()
        await asyncio.wait_for(asyncio.gather(*self._tasks), PATIENCE_SECONDS)

    async def _watch(self) -> None:
        said: list[Message] = [
            {"type": "websocket.connect"},
            *(
                {"type": "websocket.receive", "text": json.dumps(message)}
                for message in (INIT, subscribe("1", WAIT))
            ),
        ]

        async def receive() -> Message:
            if said:
                return said.pop(0)
            await self._all_over.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        scope = scope_of([PROTOCOL], {f"x-{n}": "a" * 50 for n in range(10)})
        await self._app(scope, receive, self._hear)

    async def _hear(self, message: Message) -> None:
        self._heard += 1
        if self._heard == self._to_hear:
            self._all_heard.set()


async def test_a_socket_that_waits_holds_little() -> None:
    crowd = Crowd(make_app())
    await crowd.come(1)
    tracemalloc.start()
    try:
        await crowd.come(SOCKETS)
        gc.collect()
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert Waiting.now == SOCKETS + 1
    assert held_bytes / SOCKETS < MOST_BYTES
    await crowd.leave()
    assert Waiting.now == 0


async def test_how_a_socket_was_opened_is_forgotten() -> None:
    socket = await Socket(headers={"x-long": "a" * 1_000}).ready()
    assert socket.scope["headers"] == []
    await socket.leave()
