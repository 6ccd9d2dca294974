"""Stripe's transport against servers that answer well, badly, or not at all."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import stripe
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from billing.payment_methods.stripe_wire import StripeWire
from kernel.clock import utc_now

LONG_SECONDS = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRequest-Id: req_1\r\n\r\n{}"
LIMITED = (
    b"HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
)
NOTHING = b""


@dataclass
class Server:
    """Answers each request with the next of its answers; with `NOTHING` it hangs up, and when
    it has none it is silent."""

    answers: list[bytes]
    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.heard.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if self.answers else await reader.read()
                if not answer:
                    return
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/refunds"
    async with listening:
        yield server


@asynccontextmanager
async def wire(timeout_seconds: float = LONG_SECONDS) -> AsyncIterator[StripeWire]:
    transport = StripeWire(timeout_seconds=timeout_seconds)
    try:
        yield transport
    finally:
        await transport.close_async()


async def test_a_request_goes_out_as_it_was_given_and_its_answer_comes_back() -> None:
    async with serving(OK) as server, wire() as transport:
        answer = await transport.request_async(
            "post", server.url, {"Authorization": "Bearer x"}, "amount=5&metadata[a]=ü"
        )
    body, status_code, headers = answer
    assert (body, status_code, headers["request-id"]) == (b"{}", 200, "req_1")
    head, _, sent = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/refunds HTTP/1.1\r\n")
    assert b"Authorization: Bearer x" in head.split(b"\r\n")
    assert sent == "amount=5&metadata[a]=ü".encode()


async def test_a_connection_is_kept_and_whatever_is_answered_is_an_answer() -> None:
    async with serving(OK, LIMITED, OK) as server, wire() as transport:
        answers = [await transport.request_async("get", server.url, {}) for _ in range(3)]
    assert [status_code for _, status_code, _ in answers] == [200, 429, 200]
    assert server.connections == 1


async def test_who_hangs_up_has_not_answered_and_is_not_asked_twice() -> None:
    async with serving(OK, NOTHING) as server, wire() as transport:
        await transport.request_async("get", server.url, {})
        with pytest.raises(stripe.APIConnectionError):
            await transport.request_async("post", server.url, {}, "amount=5")
    assert len(server.heard) == 2


async def test_who_says_nothing_has_not_answered() -> None:
    async with serving() as server, wire(timeout_seconds=0.05) as transport:
        with pytest.raises(stripe.APIConnectionError, match="in time"):
            await transport.request_async("get", server.url, {})


async def test_what_is_no_answer_of_the_protocol_is_none() -> None:
    async with serving(b"SSH-2.0-x\r\n\r\n") as server, wire() as transport:
        with pytest.raises(stripe.APIConnectionError):
            await transport.request_async("get", server.url, {})


async def test_nobody_there_is_no_answer() -> None:
    async with serving() as server:
        url = server.url
    async with wire() as transport:
        with pytest.raises(stripe.APIConnectionError):
            await transport.request_async("get", url, {})


async def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Path) -> None:
    async with serving(OK, tls=_tls_of_nobody(tmp_path)) as server, wire() as transport:
        with pytest.raises(stripe.APIConnectionError, match=r"(?i)certificate"):
            await transport.request_async("get", server.url, {})
    assert server.heard == []


def _tls_of_nobody(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "nobody.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        certificate.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_two_loops_have_connections_of_their_own() -> None:
    transport = StripeWire(timeout_seconds=LONG_SECONDS)

    async def ask() -> int:
        async with serving(OK) as server:
            _, status_code, _ = await transport.request_async("get", server.url, {})
            await transport.close_async()
            return status_code

    assert await ask() == 200
    assert await asyncio.to_thread(asyncio.run, ask()) == 200
