"""The server's own bounds: a head that never ends, a client that never speaks."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.http11 import Request

from entrypoints import http_protocol
from entrypoints.http_protocol import (
    BREATH_MESSAGES,
    MAX_HEAD_BYTES,
    BoundedHttp,
    Inbox,
    QuietSocket,
)
from patience import PATIENCE_SECONDS

HEAD = b"POST / HTTP/1.1\r\nhost: shop.example\r\n"


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _serving(
    app: ASGIApp = _echo, *, sockets: type[QuietSocket] = QuietSocket
) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, port=0, http=BoundedHttp, ws=sockets, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[assignment]  # the test gets them
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def _answer(reader: asyncio.StreamReader, body: bytes) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert await reader.readexactly(len(body)) == body


async def _hung_up(reader: asyncio.StreamReader, *, within_seconds: float = 5.0) -> None:
    try:
        assert await asyncio.wait_for(reader.read(), within_seconds) == b""
    except ConnectionResetError:
        pass  # closed while more was on its way


async def test_a_head_without_end_is_hung_up_on_when_it_is_too_long() -> None:
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"x: ")
        for _ in range(MAX_HEAD_BYTES // 4096 + 2):
            writer.write(b"a" * 4096)
            await asyncio.sleep(0)
        await _hung_up(reader)
        writer.close()


async def test_a_head_within_the_bound_is_read_however_it_is_cut() -> None:
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        long = b"x: " + b"a" * (MAX_HEAD_BYTES // 2) + b"\r\n"
        for request in range(3):  # each has the whole bound
            parts = (HEAD[:7], HEAD[7:] + long, b"content-length: 2\r\n\r\n", b"h", b"i")
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.01 if request == 0 else 0)
            await _answer(reader, b"hi")
        writer.close()


async def test_a_body_is_no_part_of_the_head() -> None:
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b"b" * (3 * MAX_HEAD_BYTES)
        writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        await _answer(reader, body)
        writer.close()


@pytest.mark.parametrize("said", [b"", HEAD, b"\r\n"], ids=["nothing", "half a head", "a line"])
async def test_a_client_that_does_not_say_what_it_wants_is_hung_up_on(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        await _hung_up(reader)
        writer.close()


async def test_a_connection_that_was_used_is_not_kept_by_empty_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.5)
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        await _answer(reader, b"hi")
        writer.write(b"\r\n")
        await _hung_up(reader)
        writer.close()


async def test_who_has_said_what_it_wants_may_wait_for_its_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    async with _serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 2\r\n\r\n")
        await asyncio.sleep(0.6)
        writer.write(b"hi")
        await _answer(reader, b"hi")
        writer.close()


# --- WebSockets ---------------------------------------------------------------------------------


async def _say_back(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def test_who_reads_slowly_holds_up_nobody_else() -> None:
    served: list[QuietSocket] = []
    sent: asyncio.Queue[QuietSocket] = asyncio.Queue()

    class Noted(QuietSocket):
        async def send(self, message: Any) -> None:
            if message["type"] == "websocket.accept":
                served.append(self)
            else:
                sent.put_nowait(self)
                if self is served[0] and sent.qsize() == 1:
                    self.pause_writing()  # as the transport says it
            await super().send(message)

    async with _serving(_say_back, sockets=Noted) as port, asyncio.timeout(PATIENCE_SECONDS):
        address = f"ws://127.0.0.1:{port}/"
        async with connect(address, proxy=None) as slow, connect(address, proxy=None) as other:
            await slow.send("one")
            answered = asyncio.create_task(slow.recv())
            assert await sent.get() is served[0]
            await other.send("two")
            assert await other.recv() == "two"
            assert not answered.done()
            served[0].resume_writing()
            assert await answered == "one"
            await slow.send("three")
            assert await slow.recv() == "three"


PING: Final = b"\x89\xfd" + bytes(4) + b"x" * 125


class Watched(QuietSocket):
    """A socket that tells how it fares."""

    served: list["Watched"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.served.append(self)
        self.paused, self.resumed, self.came = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def hears(self) -> bool:
        return self.transport.is_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.paused.set()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.resumed.set()

    def send_receive_event_to_app(self) -> None:
        super().send_receive_event_to_app()
        self.came.set()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    served: list[Watched] = []
    monkeypatch.setattr(Watched, "served", served, raising=False)
    return served


async def _upgraded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: " + b"A" * 22 + b"==\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")


async def test_who_asks_and_does_not_read_is_heard_no_more(watched: list[Watched]) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    async with _serving(_say_back, sockets=Watched) as port, asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        try:
            await _upgraded(reader, writer)
            (served,) = watched
            while not served.paused.is_set():
                writer.write(PING * 100)
                await asyncio.sleep(0)
            assert not served.hears
            while not served.resumed.is_set():
                assert await reader.read(4096)
            assert served.hears
        finally:
            writer.transport.abort()


async def test_who_does_not_read_is_not_heard_when_what_it_said_is_taken(
    watched: list[Watched],
) -> None:
    may_take, taken = asyncio.Event(), asyncio.Semaphore(0)

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await may_take.wait()
        while (await receive())["type"] == "websocket.receive":
            taken.release()

    async with _serving(take, sockets=Watched) as port, asyncio.timeout(PATIENCE_SECONDS):
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
            (served,) = watched
            await client.send("one")
            await served.came.wait()
            served.pause_writing()
            served.resume_writing()
            assert not served.hears, "what came was not taken yet"
            served.pause_writing()
            may_take.set()
            await taken.acquire()
            assert not served.hears
            served.resume_writing()
            await client.send("two")
            await taken.acquire()


async def test_a_socket_on_a_connection_that_was_used_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        await (_echo if scope["type"] == "http" else _say_back)(scope, receive, send)

    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    async with _serving(either) as port, asyncio.timeout(PATIENCE_SECONDS):
        used = await asyncio.open_connection("127.0.0.1", port)
        used[1].write(HEAD + b"content-length: 2\r\n\r\nhi")
        await _answer(used[0], b"hi")
        await _upgraded(*used)
        silent = await asyncio.open_connection("127.0.0.1", port)
        await _hung_up(silent[0])  # it came later, and its time is over
        silent[1].close()
        used[1].write(PING)
        assert await used[0].readexactly(127) == b"\x8a\x7d" + b"x" * 125
        used[1].transport.abort()


async def test_an_open_socket_forgets_its_request() -> None:
    requests: list[Request] = []

    class Noted(QuietSocket):
        def handle_connect(self, event: Request) -> None:
            requests.append(event)
            super().handle_connect(event)

    async with _serving(_say_back, sockets=Noted) as port, asyncio.timeout(PATIENCE_SECONDS):
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            (request,) = requests
            assert list(request.headers.raw_items()) == []


async def test_a_crowd_of_messages_is_heard_in_order() -> None:
    async with _serving(_say_back) as port, asyncio.timeout(PATIENCE_SECONDS):
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
            said = [str(number) for number in range(300)]
            for text in said:
                await client.send(text)
            assert [await client.recv() for _ in said] == said


async def test_a_reader_that_was_stopped_loses_nothing() -> None:
    inbox = Inbox()
    stopped = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    stopped.cancel()
    inbox.put_nowait("one")
    with pytest.raises(asyncio.CancelledError):
        await stopped
    reading = asyncio.create_task(inbox.get())
    inbox.put_nowait("two")
    assert (await reading, inbox.empty()) == ("one", False)
    assert (await inbox.get(), inbox.empty()) == ("two", True)


async def test_who_reads_what_came_at_once_leaves_everybody_a_turn() -> None:
    inbox, turns = Inbox(), 0
    said = list(range(10 * BREATH_MESSAGES))
    for number in said:
        inbox.put_nowait(number)

    async def read() -> list[Any]:
        return [await inbox.get() for _ in said]

    reading = asyncio.create_task(read())
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10
    assert (await reading, inbox.empty()) == (said, True)
