"""One call to a stranger's address: to the very address that was looked at, once, and in time."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import httpcore

from kernel.clock import monotonic_seconds
from kernel.outward.addresses import Address
from kernel.outward.resolving import addresses_of
from kernel.outward.targets import AddressRefused, Target, target_of
from kernel.settings import settings

_TRIED_AT_MOST: Final = 3


class CallFailed(Exception):
    """No answer came; `reason` is a word for programs, and `latency_ms` how long that took."""

    def __init__(self, reason: str, latency_ms: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.latency_ms = latency_ms


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the beginning of the body."""

    status_code: int
    body: bytes
    latency_ms: int


async def call(
    url: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str],
    content: bytes,
    timeout_seconds: float,
    keep_bytes: int,
) -> Answer:
    """Call a stranger's address; raises `CallFailed`. Never inside a transaction.

    Name, address, connection, answer: all of it within `timeout_seconds`. What comes after
    `keep_bytes` of the answer's body is not read, and a body that does not come in time leaves the
    answer what it is.
    """
    begun = monotonic_seconds()

    def since() -> int:
        return int((monotonic_seconds() - begun) * 1000)

    kept = _Kept(keep_bytes)
    try:
        async with asyncio.timeout(timeout_seconds):
            target = target_of(url, settings())
            addresses = await addresses_of(target)
            await _ask(target, addresses, method, headers, content, kept)
    except AddressRefused:
        raise CallFailed("ADDRESS_REFUSED", since()) from None
    except TimeoutError:
        if kept.status_code is None:
            raise CallFailed("TIMEOUT", since()) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        if kept.status_code is None:
            raise CallFailed(_word_for(error), since()) from None
    assert kept.status_code is not None
    return Answer(kept.status_code, bytes(kept.body), since())


class _Kept:
    """What has come so far."""

    def __init__(self, keep_bytes: int) -> None:
        self.keep_bytes = keep_bytes
        self.status_code: int | None = None
        self.body = bytearray()

    def add(self, part: bytes) -> bool:
        """Keep a part; False once there is enough."""
        self.body += part[: self.keep_bytes - len(self.body)]
        return len(self.body) < self.keep_bytes


async def _ask(
    target: Target,
    addresses: Sequence[Address],
    method: str,
    headers: Mapping[str, str],
    content: bytes,
    kept: _Kept,
) -> None:
    url = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )
    sent = [("host", target.host_header), ("content-length", str(len(content))), *headers.items()]
    pool = httpcore.AsyncConnectionPool(
        ssl_context=_tls(settings().outward_ca_file),
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=_PinnedBackend(addresses),
    )
    try:
        async with pool.stream(method, url, headers=sent, content=content) as response:
            kept.status_code = response.status
            async for part in response.aiter_stream():
                if not kept.add(part):
                    break
    finally:
        with suppress(httpcore.NetworkError, OSError):
            await pool.aclose()


class _PinnedBackend(httpcore.AnyIOBackend):
    """Connects to addresses that were looked at, whatever the name means meanwhile.

    TLS is asked for the name all the same: httpcore takes it from the URL.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        super().__init__()
        self._addresses = addresses[:_TRIED_AT_MOST]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await super().connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
        raise failure


def _word_for(error: Exception) -> str:
    if isinstance(error, httpcore.ProtocolError):
        return "NOT_HTTP"
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return "TLS_FAILED"
        seen = seen.__cause__ or seen.__context__
    return "CONNECTION_FAILED"


@lru_cache(maxsize=2)
def _tls(more_authorities: Path | None) -> ssl.SSLContext:
    """The machine's authorities, and one more where the settings name it."""
    context = ssl.create_default_context()
    if more_authorities is not None:
        context.load_verify_locations(cafile=str(more_authorities))
    return context
