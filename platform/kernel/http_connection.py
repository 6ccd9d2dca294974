"""One HTTP/1.1 connection on which we ask and are answered, one request at a time."""

import asyncio
from dataclasses import dataclass
from typing import Final, cast

from httptools import HttpParserError, HttpResponseParser

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024


class HttpFailed(Exception):
    """There is no answer: nothing is known of what the server has done."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server has answered; the names of headers are in small letters."""

    status_code: int
    headers: dict[str, str]
    body: bytes


class HttpConnection(asyncio.Protocol):
    """A connection that may be used again as long as `is_open` says so."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.idle_since_seconds = 0.0

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> HttpAnswer:
        """Send a whole request and give its answer. Raises `HttpFailed` when
        the connection ends before that; whoever is cancelled must close it."""
        if self._transport is None or not self.is_open:
            raise HttpFailed("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not of its class

    def data_received(self, data: bytes) -> None:
        """Called by asyncio. What nobody has asked for ends the connection."""
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(f"not HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._fail(f"the connection was closed: {exc}")

    def on_message_begin(self) -> None:
        """Called by the parser. A second answer to one request is none."""
        self._headers, self._body = {}, bytearray()
        if self._answer is None or self._answer.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body
        if len(self._body) > MAX_ANSWER_BYTES:
            self._fail("the answer is too long")

    def on_message_complete(self) -> None:
        """Called by the parser. A 1xx only says that the answer will come."""
        status_code = self._parser.get_status_code()
        if status_code < 200:
            return
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(HttpAnswer(status_code, self._headers, bytes(self._body)))

    def _fail(self, why: str) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HttpFailed(why))
