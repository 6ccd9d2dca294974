"""What a receiver does instead of taking a message."""

import asyncio
import socket
import struct
from enum import StrEnum
from typing import Final

_DRIP_SECONDS: Final = 0.05
_HUGE_BYTES: Final = 1_000_000_000
_PART: Final = b"x" * 65_536


class Fault(StrEnum):
    """One way to fail."""

    SERVER_ERROR = "SERVER_ERROR"
    GONE = "GONE"
    REDIRECT = "REDIRECT"
    TIMEOUT = "TIMEOUT"
    DRIP = "DRIP"
    HUGE = "HUGE"
    RESET = "RESET"


async def play(fault: Fault, writer: asyncio.StreamWriter, *, redirect_to: str) -> None:
    """Answer a request by this fault; what never ends, ends with the connection."""
    if fault is Fault.SERVER_ERROR:
        writer.write(b"HTTP/1.1 500 Oh no\r\ncontent-length: 6\r\n\r\nbroken")
    elif fault is Fault.GONE:
        writer.write(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")
    elif fault is Fault.REDIRECT:
        head = f"HTTP/1.1 307 Elsewhere\r\nlocation: {redirect_to}\r\ncontent-length: 0\r\n\r\n"
        writer.write(head.encode())
    elif fault is Fault.TIMEOUT:
        await asyncio.Event().wait()
    elif fault is Fault.DRIP:
        for letter in b"HTTP/1.1 200 OK\r\nx-slow: " + b"z" * 100_000:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(_DRIP_SECONDS)
    elif fault is Fault.HUGE:
        writer.write(f"HTTP/1.1 500 Huge\r\ncontent-length: {_HUGE_BYTES}\r\n\r\n".encode())
        for _ in range(_HUGE_BYTES // len(_PART)):
            writer.write(_PART)
            await writer.drain()
    else:
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Hang up without a goodbye: the caller's next read fails."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
