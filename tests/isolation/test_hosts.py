"""Which shop a request is for, and which requests are none: over real sockets, to both servers.

Raw bytes, because a client library would tidy up what is to be tested.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

import engines as shared
from patience import PATIENCE_SECONDS
from processes import Platform, running_platform
from stories.surroundings import MASTER_SECRET
from world import World, build_world

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="module")]

NAME = {"query": "{ storefront { name } }"}
HEADERS = {
    "Content-Type": "application/json",
    "X-Kameng-Client": "tests",
    "Accept-Language": "en",
    "Connection": "close",
}
#: Spellings of one host, by RFC 9110 and RFC 1034.
SAME = ("shop.localhost", "SHOP.LocalHost", "shop.localhost.", "shop.localhost:8443",
        "Shop.Localhost.:80")  # fmt: skip
NOBODYS = (
    "nobody.localhost",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "shop",
    "shop.localhost.example.com",
    "example.com",
    "evil-shop.localhost",
    "shop..localhost",
    "shop.localhost..",
    "-shop.localhost",
    "shop.localhost:http",
    "shop.localhost:80:80",
    "shop.localhost@example.com",
    "agent.localhost@shop.localhost",
    "agent.localhost,shop.localhost",
    "shop.localhost/agent.localhost",
    "shop.localhost#agent.localhost",
    "ѕhop.localhost",  # the first letter is Cyrillic
    "ｓｈｏｐ.localhost",  # full width: NFKC would make it ours
    "xn--hop-5cd.localhost",
    "shop。localhost",
    "%73hop.localhost",
    "a" * 300 + ".localhost",
)


@dataclass(frozen=True)
class Heard:
    """An answer off the wire."""

    status: int
    headers: str
    body: Any

    @property
    def shop(self) -> str | None:
        """Which shop says its name."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return data["storefront"]["name"] if data else None

    @property
    def codes(self) -> set[str]:
        """The codes of its errors."""
        errors = self.body.get("errors", []) if isinstance(self.body, dict) else []
        return {error["extensions"]["code"] for error in errors or []}


async def speak(port: int, head: str, body: bytes = b"") -> Heard:
    """Send bytes, read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    finally:
        writer.close()
    headers, _, content = answer.partition(b"\r\n\r\n")
    status = int(headers.split(b" ")[1])
    try:
        parsed = json.loads(content)
    except ValueError:
        parsed = content.decode()
    return Heard(status, headers.decode("latin-1"), parsed)


async def post(
    port: int,
    host: str | None,
    content: Any = NAME,
    *,
    headers: Mapping[str, str] | None = None,
    target: str = "/graphql/",
    more: str = "",
) -> Heard:
    """POST JSON as a browser would, but for what the test is about."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f"POST {target} HTTP/1.1"]
    lines += [f"Host: {host}"] if host is not None else []
    wanted = {**HEADERS, **(headers or {}), "Content-Length": str(len(body))}
    lines += [f"{name}: {value}" for name, value in wanted.items() if value]
    return await speak(port, "\r\n".join(lines) + f"\r\n{more}\r\n", body)


@pytest.fixture(scope="module")
def database(template_database: tuple[str, str]) -> Iterator[str]:
    """The owner's URL of this file's own database."""
    with shared.fresh_database(shared.test_engines(), template=template_database[1]) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(database: str) -> AsyncIterator[World]:
    """The worked example's tree."""
    owner = await asyncpg.connect(database)
    yield await build_world(owner, keys=0)
    await owner.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(
    request: pytest.FixtureRequest,
    database: str,
    world: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Platform]:
    """The API as it runs on a developer's machine, and as it runs in production."""
    async with running_platform(
        database_url=database,
        redis_url=shared.test_engines().redis_url,
        master_secret=MASTER_SECRET,
        directory=tmp_path_factory.mktemp("platform"),
        worker=False,
        from_scratch=request.param == "production",
        KAMENG_ENVIRONMENT=request.param,
        KAMENG_OUTWARD_LOOPBACK=str(
            request.param != "production"
        ),  # which refuses to begin with it
    ) as running:
        yield running


both_servers = pytest.mark.parametrize("platform", ["test", "production"], indirect=True)
production = pytest.mark.parametrize("platform", ["production"], indirect=True)


@both_servers
async def test_the_host_alone_decides_which_shop_answers(platform: Platform) -> None:
    port = platform.api_port
    for host in SAME:
        assert (await post(port, host)).shop == "shop", host
    for host in NOBODYS:
        heard = await post(port, host)
        assert heard.status in (400, 421), f"{host}: {heard}"
        assert heard.shop is None, host
    await _nothing_else_decides(port)


async def _nothing_else_decides(port: int) -> None:
    others = {
        "X-Forwarded-Host": "agent.localhost",
        "Forwarded": "host=agent.localhost",
        "X-Host": "agent.localhost",
        "X-Original-Host": "agent.localhost",
        "X-Tenant": "agent",
        "Origin": "http://agent.localhost",
        "Referer": "http://agent.localhost/",
    }
    assert (await post(port, "shop.localhost", headers=others)).shop == "shop"
    assert (await post(port, "nobody.localhost", headers=others)).status == 421
    assert (await post(port, None, headers=others)).status in (400, 421)
    for second in ("agent.localhost", "shop.localhost"):
        twice = await post(port, "shop.localhost", more=f"Host: {second}\r\n")
        assert twice.status in (400, 421), second
    absolute = await post(port, "shop.localhost", target="http://agent.localhost/graphql/")
    assert absolute.shop in ("shop", None)


@both_servers
async def test_what_is_no_request_of_ours_is_refused(platform: Platform, world: World) -> None:
    port, shop = platform.api_port, world.shop.host
    for name, content, headers, status in _NO_REQUESTS:
        heard = await post(port, shop, content, headers=headers)
        assert heard.status == status, f"{name}: {heard}"
        assert heard.shop is None, name
    announced = {**HEADERS, "Host": shop, "Content-Length": "300000"}
    lines = ["POST /graphql/ HTTP/1.1", *(f"{k}: {v}" for k, v in announced.items()), "", ""]
    assert (await speak(port, "\r\n".join(lines), b"{")).status == 413
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        target = "/graphql/?query=%7Bstorefront%7Bname%7D%7D"
        lines = [f"{method} {target} HTTP/1.1", f"Host: {shop}", "Connection: close"]
        lines += ["X-Kameng-Client: tests", "Accept: text/html", "", ""]
        heard = await speak(port, "\r\n".join(lines))
        assert heard.status == 405, f"{method}: {heard}"
    await _only_a_developer_is_told_of_the_schema(platform, shop)


_NO_REQUESTS: list[tuple[str, Any, dict[str, str], int]] = [
    ("a batch", [NAME, NAME], {}, 400),
    ("a batch of one", [NAME], {}, 400),
    ("null", b"null", {}, 400),
    ("a number", b"5", {}, 400),
    ("a text", b'""', {}, 400),
    ("nothing", b"", {}, 400),
    ("half of JSON", b'{"query": "{storefront', {}, 400),
    ("deep JSON", b"[" * 5_000, {}, 400),
    ("not UTF-8", b'{"query": "\xff"}', {}, 400),
    ("half a character", b'{"query": "{a}", "variables": {"a": "\\ud800"}}', {}, 400),
    ("U+0000", b'{"query": "{a}", "variables": {"a": "\\u0000"}}', {}, 400),
    ("a query that is none", {"query": 5}, {}, 400),
    ("variables that are none", {**NAME, "variables": [1]}, {}, 400),
    ("a form", b"query={a}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("a form with parts", b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("plain text", NAME, {"Content-Type": "text/plain"}, 415),
    ("no content type", NAME, {"Content-Type": ""}, 415),
    ("a nameless client", NAME, {"X-Kameng-Client": ""}, 400),
]  # fmt: skip


@production
async def test_a_token_opens_its_own_shop_and_no_other(platform: Platform, world: World) -> None:
    port = platform.api_port
    supplier, operator = await world.supplier_token(), await world.operator()
    at_shop, at_agent = await world.customer(world.shop), await world.customer(world.agent)
    staff = await world.staff("OWNER", shop=world.agent)
    opens = [(at_shop, {"shop"}), (at_agent, {"agent"}), (staff, {"agent"}), (supplier, {"root"}),
             (operator, {"root", "agent", "shop"})]  # fmt: skip
    for person, shops in opens:
        for slug in ("root", "agent", "shop"):
            heard = await post(port, f"{slug}.localhost", headers=person.headers)
            assert (heard.status, heard.shop) == ((200, slug) if slug in shops else (401, None))
    for token in ("kmc_" + "A" * 27, at_shop.token[:-1], at_shop.token.replace("kmc", "kmo")):
        heard = await post(port, "shop.localhost", headers={"Authorization": f"Bearer {token}"})
        assert (heard.status, heard.codes) == (401, {"FORBIDDEN"})


async def _only_a_developer_is_told_of_the_schema(platform: Platform, shop: str) -> None:
    port = platform.api_port
    hidden = platform.api.environment["KAMENG_ENVIRONMENT"] == "production"
    asked = await post(port, shop, {"query": "{ __schema { types { name } } }"})
    assert bool(asked.codes) == hidden
    guessed = await post(port, shop, {"query": "{ storefron { name } }"})
    assert guessed.codes == {"GRAPHQL_VALIDATION_FAILED"}
    assert ("Did you mean" in json.dumps(guessed.body)) != hidden
    assert "traceback" not in json.dumps(guessed.body).lower()
