"""An address that a stranger has chosen leads to the public internet, or to nothing at all."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kernel.outward import AddressRefused, CallFailed, call, check, resolving, target_of
from kernel.outward.addresses import is_public
from kernel.settings import Settings, settings
from name_server import NameServer, name_server
from patience import PATIENCE_SECONDS

INNER_ADDRESSES = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1",
    "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192",
    "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:0:127.0.0.1", "::ffff:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1", "100::1", "2001::1",
    "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
    "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
)  # fmt: skip
PUBLIC_ADDRESSES = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "223.5.5.5", "2606:4700::1111",
                    "2400:3200::1", "172.15.0.1", "172.32.0.1", "100.128.0.1")  # fmt: skip

# Each of them leads a parser or a resolver of somebody's to this machine.
HOSTILE_URLS = (
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
    "https://017700000001/", "https://127.0.0.1./", "https://0/", "https://0.0.0.0/",
    "https://127.000.000.001/", "https://127.0.0.0x1/", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://[fe80::1%25lo]/", "https://①②⑦.⓪.⓪.①/",
    "https://①②⑦.0.0.1/", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://ⓛocalhost/",
    "https://ｌｏｃａｌｈｏｓｔ/", "https://localhost/", "https://localhost./", "https://LOCALHOST/",
    "https://shop.localhost/", "https://printer.local/", "https://db.internal/",
    "https://router.lan/", "https://1.0.0.127.in-addr.arpa/", "https://hidden.onion/",
    "https://metadata/", "https://169.254.169.254/latest/meta-data/",
    "https://user@inner.example/", "https://user:word@inner.example/",
    "https://public.example@127.0.0.1/", "https://public.example:443@127.0.0.1/",
    "https://public.example\\@127.0.0.1/", "https://127.0.0.1#public.example/",
    "https://127.0.0.1\\.public.example/", "https://public.example#@127.0.0.1/",
    "https://public.example/\r\nHost: 127.0.0.1", "https://public.example/\x00",
    "https://pub\tlic.example/", " https://public.example/", "https://public.example/ ",
    "https:/127.0.0.1/", "https:127.0.0.1", "https:///127.0.0.1/", "//127.0.0.1/",
    "http://public.example/", "HTTPS://public.example/", "ftp://public.example/",
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "dict://127.0.0.1:6379/",
    "javascript:alert(1)", "data:text/plain,x", "unix:///run/db.sock", "",
    "https://", "https://public.example:22/", "https://public.example:5432/",
    "https://public.example:0/", "https://public.example:65536/", "https://public.example:443443/",
    "https://public.example:/", "https://public.example:+443/", "https://public..example/",
    "https://.public.example/", "https://-public.example/", "https://public_.example/",
    "https://public.example%2f@127.0.0.1/", "https://%31%32%37.0.0.1/", "https://público.example/",
    "https://example.0x7f/", "https://a.b.c.1/", f"https://{'a' * 64}.example/",
    f"https://public.example/{'a' * 500}",
    # Plain names whose addresses are not public; the name server knows them.
    "https://inner.example/", "https://inner-six.example/", "https://mixed.example/",
    "https://mapped.example/", "https://translated.example/", "https://metadata.example/",
    "https://nobody.example/",
)  # fmt: skip
NAMES = {
    "public.example": [["93.184.215.14"]],
    "inner.example": [["127.0.0.1"]],
    "inner-six.example": [["::1"]],
    "mixed.example": [["93.184.215.14", "127.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "translated.example": [["64:ff9b::7f00:1"]],
    "metadata.example": [["169.254.169.254"]],
    "rebound.example": [["93.184.215.14"], ["127.0.0.1"]],
    "turning.example": [["127.0.0.77"], ["127.0.0.1"]],
    "hooks.example": [["127.0.0.1"]],
}


@dataclass
class Listener:
    """A server that counts who connects, and answers as it is told."""

    port: int
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def listening(
    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    then_hang: bool = False,
) -> AsyncIterator[Listener]:
    """Listen on this machine until the block ends."""
    listener = Listener(port)
    over = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        writers.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            listener.heard.append(head)
            writer.write(answer)
            await writer.drain()
            if then_hang:
                await over.wait()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        over.set()
        server.close()
        await server.wait_closed()
        for writer in writers:  # whoever was called has perhaps not noticed yet
            writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server(NAMES) as server:
        yield server


@pytest.fixture
def outward(names: NameServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings of production, with our name server."""
    monkeypatch.setenv("KAMENG_DNS_SERVERS", names.setting)
    monkeypatch.setattr(resolving, "LOOKUP_SECONDS", PATIENCE_SECONDS)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


async def asked(url: str, *, timeout_seconds: float = PATIENCE_SECONDS) -> int | str:
    """The status, or the word for why there is none."""
    try:
        answer = await call(
            url,
            headers={"x-test": "1"},
            content=b"{}",
            timeout_seconds=timeout_seconds,
            keep_bytes=500,
        )
    except CallFailed as failed:
        return failed.reason
    return answer.status_code


@pytest.mark.parametrize("text", INNER_ADDRESSES)
def test_an_inner_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC_ADDRESSES)
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


async def test_no_form_of_a_url_reaches_this_machine(outward: pytest.MonkeyPatch) -> None:
    assert len(set(HOSTILE_URLS)) >= 60
    async with listening() as listener, listening(host="::1") as six:
        outward.setenv("KAMENG_OUTWARD_PORTS", f"443,{listener.port},{six.port}")
        settings.cache_clear()
        for url in HOSTILE_URLS:
            for port in (None, listener.port, six.port):
                told = _with_port(url, port)
                with pytest.raises(AddressRefused):
                    await check(told)
                assert await asked(told) == "ADDRESS_REFUSED", told
        assert (listener.connections, six.connections) == (0, 0)


async def test_a_name_that_was_public_when_it_was_written_is_looked_at_again(
    outward: pytest.MonkeyPatch, names: NameServer
) -> None:
    async with listening() as listener:
        outward.setenv("KAMENG_OUTWARD_PORTS", str(listener.port))
        settings.cache_clear()
        url = f"https://rebound.example:{listener.port}/"
        await check(url)
        assert await asked(url) == "ADDRESS_REFUSED"
        assert listener.connections == 0
    assert names.asked.count("rebound.example 1") == 2


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    outward: pytest.MonkeyPatch, names: NameServer, tmp_path: Path
) -> None:
    """The name turns to this machine right after it was looked up: nobody asks it again."""
    outward.setattr(resolving, "is_public", lambda address: str(address) == "127.0.0.77")
    context, authority = _certificate_for("turning.example", tmp_path)
    outward.setenv("KAMENG_OUTWARD_CA_FILE", str(authority))
    async with listening(host="127.0.0.77", tls=context) as public:
        async with listening(port=public.port) as inner:
            outward.setenv("KAMENG_OUTWARD_PORTS", str(public.port))
            settings.cache_clear()
            assert await asked(f"https://turning.example:{public.port}/") == 204
            assert public.connections == 1
            assert inner.connections == 0
    assert names.asked.count("turning.example 1") == 1


async def test_a_redirect_is_an_answer_and_not_followed(outward: pytest.MonkeyPatch) -> None:
    _allow_loopback(outward)
    async with listening() as inner:
        location = f"location: http://127.0.0.1:{inner.port}/\r\ncontent-length: 0\r\n"
        redirect = f"HTTP/1.1 307 Temporary Redirect\r\n{location}\r\n".encode()
        async with listening(redirect) as listener:
            assert await asked(f"http://127.0.0.1:{listener.port}/") == 307
        assert inner.connections == 0


async def test_only_the_beginning_of_an_answer_is_read(outward: pytest.MonkeyPatch) -> None:
    _allow_loopback(outward)
    huge = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 4000
    async with listening(huge, then_hang=True) as listener:
        answer = await call(
            f"http://127.0.0.1:{listener.port}/a?b=c",
            headers={},
            content=b"{}",
            timeout_seconds=PATIENCE_SECONDS,
            keep_bytes=500,
        )
    assert (answer.status_code, answer.body) == (200, b"x" * 500)
    assert listener.heard[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")


async def test_a_body_that_does_not_come_leaves_the_status(outward: pytest.MonkeyPatch) -> None:
    _allow_loopback(outward)
    slow = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow"
    async with listening(slow, then_hang=True) as listener:
        assert await asked(f"http://127.0.0.1:{listener.port}/", timeout_seconds=1.0) == 200


async def test_no_answer_in_time_is_a_timeout(outward: pytest.MonkeyPatch) -> None:
    _allow_loopback(outward)
    async with listening(b"HTTP/1.1 20", then_hang=True) as listener:
        assert await asked(f"http://127.0.0.1:{listener.port}/", timeout_seconds=0.2) == "TIMEOUT"


async def test_what_is_not_http_is_no_answer(outward: pytest.MonkeyPatch) -> None:
    _allow_loopback(outward)
    async with listening(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") as listener:
        assert await asked(f"http://127.0.0.1:{listener.port}/") == "NOT_HTTP"
    assert await asked(f"http://127.0.0.1:{listener.port}/") == "CONNECTION_FAILED"


async def test_tls_asks_for_the_name_and_believes_no_other(
    outward: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _allow_loopback(outward)
    context, authority = _certificate_for("hooks.example", tmp_path)
    async with listening(tls=context) as listener:
        url = f"https://hooks.example:{listener.port}/"
        assert await asked(url) == "TLS_FAILED"
        outward.setenv("KAMENG_OUTWARD_CA_FILE", str(authority))
        settings.cache_clear()
        assert await asked(url) == 204
        assert await asked(f"https://inner.example:{listener.port}/") == "TLS_FAILED"
    (head,) = listener.heard
    assert f"host: hooks.example:{listener.port}".encode() in head.lower()


def test_production_never_calls_this_machine() -> None:
    with pytest.raises(ValueError, match="KAMENG_OUTWARD_LOOPBACK"):
        Settings(
            environment="production",
            outward_loopback=True,
            stripe_webhook_secret="whsec_0123456789",
            master_secret="m" * 40,
        )


def test_a_plain_address_is_read_into_its_parts() -> None:
    target = target_of("https://hooks.example/a/b?c=d%20e", Settings())
    assert (target.host, target.port, target.path) == ("hooks.example", 443, "/a/b?c=d%20e")
    assert target.host_header == "hooks.example"
    assert target_of("https://hooks.example", Settings()).path == "/"
    assert target_of("https://hooks.example?c=d", Settings()).path == "/?c=d"
    assert target_of("https://xn--fiq228c.example:443/", Settings()).port == 443


def _with_port(url: str, port: int | None) -> str:
    """The same with a port behind the host, where that is simple."""
    if port is None or not url.endswith("/") or url.count("/") != 3 or url.count(":") != 1:
        return url
    return f"{url[:-1]}:{port}/"


def _allow_loopback(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("KAMENG_OUTWARD_LOOPBACK", "true")
    patch.setenv("KAMENG_ENVIRONMENT", "test")
    settings.cache_clear()


def _certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate that it has signed itself, and that certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_pem)
    return context, pem
