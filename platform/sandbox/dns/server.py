"""The server: the same zone over UDP and TCP, on a port of this machine."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from sandbox.dns.zone import Zone

HOST = "127.0.0.1"
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_TRIES = 20


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A server that runs: what it knows, and where it is."""

    zone: Zone
    port: int

    @property
    def address(self) -> str:
        """As `KAMENG_DNS_SERVERS` has it."""
        return f"{HOST}:{self.port}"


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._zone.answer(data, by_udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


@asynccontextmanager
async def dns_server(zone: Zone | None = None) -> AsyncIterator[DnsServer]:
    """Run a server until the block ends."""
    known = zone or Zone()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = known.answer(await reader.readexactly(length), by_udp=False)
            if answer is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    tcp, udp = await _on_one_port(known, converse)
    try:
        yield DnsServer(known, tcp.sockets[0].getsockname()[1])
    finally:
        udp.close()
        tcp.close()
        await tcp.wait_closed()


async def _on_one_port(
    zone: Zone, converse: _Handler
) -> tuple[asyncio.Server, asyncio.DatagramTransport]:
    """Open TCP on some port and UDP on the same; another one where that is somebody's."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        tcp = await asyncio.start_server(converse, HOST, 0)
        port = tcp.sockets[0].getsockname()[1]
        try:
            udp, _protocol = await loop.create_datagram_endpoint(
                lambda: _Datagrams(zone), local_addr=(HOST, port)
            )
        except OSError:
            tcp.close()
            continue
        return tcp, udp
    raise OSError("no port is free for both UDP and TCP")
