"""uvicorn's protocols, with what they leave to a proxy and without what a quiet socket needs not.

A request's head is short, and it arrives soon; what comes after the head is the guard's business
(`guard/`). A WebSocket that is open forgets how it was opened.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""From the first byte of a request line to the last of the headers, about: counted by chunks."""
HEAD_SECONDS: Final = 30.0
"""How long a client may take to say what it wants, from its first byte or its connection."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. The parser keeps an unfinished head for as long as the connection lasts."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]  # uvicorn wants a transport that writes
        self, transport: asyncio.Transport
    ) -> None:
        """Called by the loop."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        super().data_received(data)
        if self.parser is None:
            return  # a WebSocket's from here on: its silence is no head that does not come
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._hang_up()
                return
        elif self.cycle is None or not self.cycle.response_complete:
            self._stop_waiting()
            return
        # Whatever came, uvicorn no longer watches how long the connection is idle.
        if self._head_timer is None and not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Called when a WebSocket takes over the connection: nobody needs this one any more, and
        it and its parser hold each other."""
        super().handle_websocket_upgrade()
        self._stop_waiting()
        self.parser = None  # type: ignore[assignment]  # not asked again
        self.scope = self.headers = None  # type: ignore[assignment]  # nor these

    def on_message_begin(self) -> None:
        """Called by the parser, with the first byte of a request."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Called when an answer is sent: until the next request, uvicorn watches the time."""
        super().on_response_complete()
        self._stop_waiting()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _stop_waiting(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()


BREATH_MESSAGES: Final = 100
"""How many of what came at once are read before everybody else has a turn."""


class Inbox:
    """What has come over a socket and was not read yet, in the place of an `asyncio.Queue`.

    A queue is made for many who read and write, and keeps five containers for them; here is one
    reader, and the protocol stops listening while anything waits.
    """

    __slots__ = ("_messages", "_read", "_reader")

    def __init__(self) -> None:
        # A deque is quicker to say, and takes 700 bytes of a socket to which nothing has come.
        self._messages: list[Any] = []
        self._read = 0
        """How many of the messages were read; all are forgotten when the last was."""
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Say whether nothing waits."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """Add what has come."""
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """Give the next that has come, or is to come."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._read % BREATH_MESSAGES == BREATH_MESSAGES - 1:
            await asyncio.sleep(0)
        message = self._messages[self._read]
        self._messages[self._read] = None
        self._read += 1
        if self._read == len(self._messages):
            self._messages.clear()
            self._read = 0
        return message


_WRITABLE: Final = asyncio.Event()
"""Of every socket whose client reads as fast as we write."""
_WRITABLE.set()


class QuietSocket(WebSocketsSansIOProtocol):
    """One WebSocket. There are thousands, and most of them wait."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = Inbox()  # type: ignore[assignment]  # all that is asked of a queue
        self.writable = _WRITABLE

    def pause_writing(self) -> None:
        """Called by the transport when its client reads too slowly. It is heard no more until it
        has caught up: a PING is answered without asking whether the answer is wanted."""
        self.writable = asyncio.Event()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the transport when its client has caught up."""
        self.writable.set()
        self.writable = _WRITABLE
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> Any:
        """Called by the application."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.writable is _WRITABLE:
                self.transport.resume_reading()
        return message

    async def send(self, message: Any) -> None:
        """Called by the application."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The request and its answer, header by header, are a fifth of what a socket holds;
            # the parser, too, keeps the request.
            self.request.headers.clear()
            self.request = self.response = None  # type: ignore[assignment]  # not asked again
