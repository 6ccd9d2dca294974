"""A real DNS server on loopback: it says what a test wants, and something else each time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer:
    """What it says of each name, answer after answer; the last one stands."""

    names: Mapping[str, Sequence[Sequence[str]]]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def setting(self) -> str:
        """How the product's settings name it."""
        return f"127.0.0.1:{self.port}"

    def answer(self, raw: bytes) -> bytes:
        """Answer a query for A or AAAA."""
        query = dns.message.from_wire(raw)
        (question,) = query.question
        name = question.name.to_text().rstrip(".")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        known = self.names.get(name)
        if known is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer.to_wire()
        times = self.asked.count(f"{name} {question.rdtype}")
        self.asked.append(f"{name} {question.rdtype}")
        version = 4 if question.rdtype == dns.rdatatype.A else 6
        texts = [
            text
            for text in known[min(times, len(known) - 1)]
            if ip_address(text).version == version
        ]
        if texts:
            kind = dns.rdatatype.to_text(question.rdtype)
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *texts))
        return answer.to_wire()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._server.answer(data), addr)


@asynccontextmanager
async def name_server(names: Mapping[str, Sequence[Sequence[str]]]) -> AsyncIterator[NameServer]:
    """Serve these names until the block ends."""
    server = NameServer(names)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Protocol(server), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
