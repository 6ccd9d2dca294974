"""The receiver: an HTTP server of its own making, so that it can fail below HTTP, too.

`POST` anywhere is a message. What it has taken stands under `GET /_sandbox/taken`; the faults of
the next messages are set with `PUT /_sandbox/faults`, a list of `Fault`s.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

from sandbox.webhooks.faults import Fault, play

_HEAD_BYTES: Final = 32_768
_BODY_BYTES: Final = 1_000_000


@dataclass
class Receiver:
    """Somebody who listens with a secret."""

    secret: str
    redirect_to: str = "http://127.0.0.1:9/"
    port: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    """What happens to every message while it is set."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    """Messages whose signature was right, each with its headers under `_headers`."""
    forged: int = 0
    heard: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where messages go to."""
        return f"http://127.0.0.1:{self.port}/hooks"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, which carries one request."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, ValueError):
                await self._answer(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def hang_up(self) -> None:
        """End what is open."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(min(length, _BODY_BYTES))
        if path.startswith("/_sandbox/"):
            self._control(method, path, body, writer)
        else:
            await self._hear(headers, body, writer)
        await writer.drain()

    def _control(self, method: str, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if (method, path) == ("PUT", "/_sandbox/faults"):
            self.faults = deque(Fault(name) for name in json.loads(body))
        _say(writer, 200, json.dumps({"taken": self.taken, "heard": self.heard}).encode())

    async def _hear(
        self, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        self.heard += 1
        fault = self.always or (self.faults.popleft() if self.faults else None)
        if fault is not None:
            await play(fault, writer, redirect_to=self.redirect_to)
            return
        try:
            message = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            _say(writer, 401, b"forged")
            return
        self.taken.append({**message, "_headers": headers})
        _say(writer, 200, b"thanks")


def _say(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)


@asynccontextmanager
async def receiving(
    secret: str, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Listen until the block ends."""
    receiver = Receiver(secret)
    server = await asyncio.start_server(
        receiver.serve, "127.0.0.1", port, ssl=tls, limit=_HEAD_BYTES
    )
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.hang_up()
        await server.wait_closed()
