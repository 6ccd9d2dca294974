"""An HTTP/1.1 client for the one or two servers that a process asks all day.

A library for everything that the web knows takes ten times the processor time. This one knows no
redirects, cookies, proxies or compression. A request is sent once; whether it may be repeated is
for the caller to know.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from kernel.clock import monotonic_seconds
from kernel.http_connection import HttpAnswer as HttpAnswer
from kernel.http_connection import HttpConnection
from kernel.http_connection import HttpFailed as HttpFailed

IDLE_SECONDS: Final = 30.0
"""A connection that was quiet for longer is not used again: its server may be closing it."""
MOST_IDLE: Final = 32

_Place = tuple[str, str, int, asyncio.AbstractEventLoop]
"""A server, and the loop to which its connections belong: scheme, host, port, loop."""


class HttpClient:
    """Connections that stay open between requests; `timeout_seconds` bounds each request, its
    connecting included."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._tls = lru_cache(maxsize=1)(tls)  # reading the authorities takes many milliseconds
        self._idle: dict[_Place, list[HttpConnection]] = defaultdict(list)

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        """Send a request and give the answer, whatever its status.

        Raises `HttpFailed` when there is none in time, and `ValueError` for a URL or header that
        is none.
        """
        scheme, host, port, request = _written(method, url, headers, body)
        place = (scheme, host, port, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._timeout_seconds):
                connection = self._idle_one(place) or await self._connected(place)
                try:
                    answer = await connection.ask(request)
                except BaseException:
                    connection.close()
                    raise
        except TimeoutError:
            raise HttpFailed("no answer in time") from None
        except OSError as error:
            raise HttpFailed(f"{type(error).__name__}: {error}") from error
        self._keep(place, connection)
        return answer

    def close(self) -> None:
        """Hang up wherever nobody waits for an answer."""
        for connections in self._idle.values():
            for connection in connections:
                if connection.is_open:
                    connection.close()
        self._idle.clear()

    def _idle_one(self, place: _Place) -> HttpConnection | None:
        """The one that was used last; those that wait longer than that are let go."""
        connections = self._idle[place]
        since = monotonic_seconds() - IDLE_SECONDS
        while connections:
            connection = connections.pop()
            if connection.is_open and connection.idle_since_seconds >= since:
                return connection
            connection.close()
        return None

    def _keep(self, place: _Place, connection: HttpConnection) -> None:
        if not connection.is_open:
            return
        if len(self._idle[place]) >= MOST_IDLE:
            connection.close()
            return
        connection.idle_since_seconds = monotonic_seconds()
        self._idle[place].append(connection)

    async def _connected(self, place: _Place) -> HttpConnection:
        scheme, host, port, loop = place
        tls = self._tls() if scheme == "https" else None
        _, connection = await loop.create_connection(HttpConnection, host, port, ssl=tls)
        return connection


def _written(
    method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, str, int, bytes]:
    """Scheme, host, port, and the request's bytes."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address of the web")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"host: {parts.netloc.rpartition('@')[2]}",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header is one line")
    head = "\r\n".join(lines).encode("latin-1")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname, port, head + b"\r\n\r\n" + body
