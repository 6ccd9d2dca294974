"""Our HTTP client against servers that answer well, badly, in pieces, or not at all."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kernel import http_client, http_connection
from kernel.clock import utc_now
from kernel.http_client import HttpClient, HttpFailed

LONG_SECONDS = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRequest-Id: req_1\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
)


@dataclass
class Server:
    """Answers each request with the next pieces; an empty piece hangs up."""

    answers: list[list[bytes]]
    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await self._request(reader):
                self.heard.append(head)
                self.asked.set()
                for piece in self.answers.pop(0):
                    if not piece:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except ConnectionError:
            pass
        finally:
            self.left.set()
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(
    *answers: list[bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield server


@contextmanager
def client(
    timeout_seconds: float = LONG_SECONDS, **more: Callable[[], ssl.SSLContext]
) -> Iterator[HttpClient]:
    asking = HttpClient(timeout_seconds=timeout_seconds, **more)
    yield asking
    asking.close()


async def the_end_arrives(http: HttpClient) -> None:
    """Wait until the client knows of no connection that is open."""
    kept = [one for ones in http._idle.values() for one in ones]
    while any(one.is_open for one in kept):  # noqa: ASYNC110 - the client tells nobody
        await asyncio.sleep(0)


async def test_a_request_goes_out_as_it_was_given_and_its_answer_comes_back() -> None:
    async with serving([OK]) as server:
        with client() as http:
            answer = await http.ask(
                "POST", f"{server.url}/v1/things?a=b", headers={"Authorization": "x"}, body=b"c=d"
            )

    assert (answer.status_code, answer.headers["request-id"], answer.body) == (
        200,
        "req_1",
        b"hello",
    )
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/things?a=b HTTP/1.1"
    host = server.url.removeprefix("http://").encode()
    assert {b"host: " + host, b"content-length: 3", b"Authorization: x"} == set(lines[1:])
    assert body == b"c=d"


@pytest.mark.parametrize("whole", [OK, CHUNKED], ids=["with its length", "in chunks"])
async def test_an_answer_may_be_cut_anywhere(whole: bytes) -> None:
    cuts = [[whole[:at], whole[at:]] for at in range(1, len(whole))]
    async with serving(*cuts, [bytes([one]) for one in whole]) as server:
        with client() as http:
            bodies = {
                (await http.ask("GET", server.url, headers={})).body for _ in range(len(whole))
            }

    assert (bodies, server.connections) == ({b"hello"}, 1)


async def test_what_only_says_that_an_answer_will_come_is_not_the_answer() -> None:
    async with serving([b"HTTP/1.1 100 Continue\r\n\r\n", OK]) as server:
        with client() as http:
            assert (await http.ask("GET", server.url, headers={})).body == b"hello"


async def test_connections_are_shared_by_those_who_ask_in_turn_and_not_at_once() -> None:
    async with serving(*[[OK]] * 5) as server:
        with client() as http:
            await http.ask("GET", server.url, headers={})
            await http.ask("GET", server.url, headers={})
            assert server.connections == 1
            await asyncio.gather(*(http.ask("GET", server.url, headers={}) for _ in range(3)))
            assert server.connections == 3


async def test_a_connection_that_its_server_ends_is_not_used_again() -> None:
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with serving([last], [OK, b""], [OK]) as server:
        with client() as http:
            for connections in (1, 2):
                await http.ask("GET", server.url, headers={})
                assert server.connections == connections
                await the_end_arrives(http)
            await http.ask("GET", server.url, headers={})

    assert server.connections == 3


async def test_a_connection_that_was_quiet_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_client, "IDLE_SECONDS", -1.0)
    async with serving([OK], [OK]) as server:
        with client() as http:
            for _ in range(2):
                await http.ask("GET", server.url, headers={})
            assert server.connections == 2


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [OK[:-1], b""],
        [b"HTTP/1.1 200 OK\r\n\r\nto the end", b""],
        [b"SSH-2.0-OpenSSH_9\r\n\r\n"],
        [OK.replace(b"5", b"x")],
    ],
    ids=["nothing", "half of it", "no length", "another protocol", "a length that is none"],
)
async def test_what_is_no_whole_answer_is_none(pieces: list[bytes]) -> None:
    async with serving(pieces, [OK]) as server:
        with client() as http:
            with pytest.raises(HttpFailed):
                await http.ask("GET", server.url, headers={})
            assert (await http.ask("GET", server.url, headers={})).body == b"hello"
            assert server.connections == 2


async def test_an_answer_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "MAX_ANSWER_BYTES", 4)
    async with serving([OK]) as server:
        with client() as http, pytest.raises(HttpFailed, match="too long"):
            await http.ask("GET", server.url, headers={})


async def test_two_answers_to_one_question_end_the_connection() -> None:
    async with serving([OK + OK], [OK]) as server:
        with client() as http:
            for _ in range(2):
                assert (await http.ask("GET", server.url, headers={})).body == b"hello"
            assert server.connections == 2


async def test_a_server_that_says_nothing_and_one_that_is_not_there_are_no_answer() -> None:
    async with serving([]) as server:
        with client(timeout_seconds=0.05) as http, pytest.raises(HttpFailed):
            await http.ask("GET", server.url, headers={})
        await server.left.wait()  # the connection was closed, and not kept
    with client() as http, pytest.raises(HttpFailed):
        await http.ask("GET", server.url, headers={})


async def test_whoever_is_cancelled_leaves_no_connection_on_which_an_answer_may_come() -> None:
    async with serving([], [OK]) as server:
        with client() as http:
            asking = asyncio.create_task(http.ask("GET", server.url, headers={}))
            await server.asked.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await server.left.wait()
            assert (await http.ask("GET", server.url, headers={})).body == b"hello"


@pytest.mark.parametrize(
    ("url", "headers"),
    [("{}/", {"key": "a\r\nhost: other"}), ("ftp://host/", {}), ("/v1/things", {})],
)
async def test_what_would_be_another_request_is_not_sent(url: str, headers: dict[str, str]) -> None:
    async with serving() as server:
        with client() as http, pytest.raises(ValueError, match="header|address"):
            await http.ask("GET", url.format(server.url), headers=headers)
        assert server.connections == 0


def test_the_servers_own_event_loop_will_do() -> None:
    async def ask_twice() -> tuple[list[bytes], int]:
        async with serving([OK], [CHUNKED]) as server:
            with client() as http:
                answers = [await http.ask("GET", server.url, headers={}) for _ in range(2)]
            return [answer.body for answer in answers], server.connections

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask_twice()) == ([b"hello", b"hello"], 1)


async def test_a_certificate_is_asked_for_and_must_be_of_an_authority_that_is_trusted(
    tmp_path: Path,
) -> None:
    file = tmp_path / "server.pem"
    file.write_bytes(certificate_with_key())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    async with serving([OK], [OK], tls=tls) as server:
        with client() as http, pytest.raises(HttpFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await http.ask("GET", server.url, headers={})
        with client(tls=lambda: ssl.create_default_context(cafile=str(file))) as http:
            for _ in range(2):
                assert (await http.ask("GET", server.url, headers={})).body == b"hello"


def certificate_with_key() -> bytes:
    """A certificate for this machine that it has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
