"""One keep-alive connection that speaks just enough HTTP/1.1 to ask and be answered.

A whole HTTP library would take more of the processor than the product leaves.
"""

import asyncio
from typing import Self


class WireCut(Exception):
    """The connection was closed, or what came is no answer that can be read."""


class Wire(asyncio.Protocol):
    """A connection; one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._awaited_bytes = 0
        self._body_from = 0
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def to(cls, port: int) -> Self:
        """Connect to a port of this machine."""
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(cls, "127.0.0.1", port)
        return wire

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and give the answer's status and body.

        Raises `WireCut` when the connection ends before the answer does.
        """
        if self._transport is None or self._transport.is_closing():
            raise WireCut("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio, with a part of an answer or all of it."""
        self._received += data
        if not self._awaited_bytes and not self._read_head():
            return
        if len(self._received) >= self._awaited_bytes:
            status, body = int(self._received[9:12]), bytes(self._received[self._body_from :])
            self._received.clear()
            self._awaited_bytes = 0
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((status, body))

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        _, found, rest = head.partition(b"content-length:")
        if not found:
            self._fail(f"no content-length: {head!r}")
            self.close()
            return False
        self._body_from = end + 4
        self._awaited_bytes = self._body_from + int(rest.partition(b"\r\n")[0])
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._fail(f"the connection was closed: {exc}")

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WireCut(why))
