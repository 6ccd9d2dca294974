"""Two thousand buyers come at once for two hundred keys, over HTTP, to one API process."""

import asyncio
import json
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from entrypoints.verify import verify
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from processes import Platform, running_platform
from races.customers import rich_customers
from races.purchases import PRICE_MINOR, key_statuses, promised_twice
from world import Person, World

pytestmark = pytest.mark.engines

KEYS, BUYERS = 200, 2_000
DEADLINE_SECONDS = 120
"""Nobody waits as long in a shop; here everybody gets an answer."""

BUY = """mutation ($input: QuickBuyInput!) { quickBuy(input: $input) { __typename
  ... on OrderCreated { order { no status lines { keys { commitment } } } }
  ... on Problem { code } } }"""


@pytest.fixture
def many_sockets() -> Iterator[None]:
    """As many open files as either side of the buyers' connections needs."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, BUYERS + 500), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.fixture
async def platform(
    many_sockets: None, config: Settings, world: World, tmp_path: Path
) -> AsyncIterator[Platform]:
    """The product with room and time for everybody."""
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
        KAMENG_REQUEST_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
        KAMENG_MAX_CONCURRENT_REQUESTS=str(2 * BUYERS),
    ) as running:
        yield running


def request_of(platform: Platform, world: World, customer: Person) -> bytes:
    """The HTTP request with which a customer buys one key from the wallet."""
    wish = {
        "skuId": public_id("sku", world.goods.sku_id),
        "quantity": 1,
        "expectedTotal": {"amountMinor": PRICE_MINOR, "currency": "CNY"},
        "idempotencyKey": new_id().hex,
        "payment": "WALLET",
    }
    body = json.dumps({"query": BUY, "variables": {"input": wish}}).encode()
    head = (
        f"POST /graphql/ HTTP/1.1\r\nhost: {world.shop.host}:{platform.api_port}\r\n"
        f"authorization: Bearer {customer.token}\r\nx-kameng-client: tests\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


async def everybody_at_once(platform: Platform, requests: list[bytes]) -> list[dict[str, Any]]:
    """Connect all, then send all, then read all; a request is sent once and never again."""
    connections = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", platform.api_port) for _ in requests)
    )
    for (_, writer), request in zip(connections, requests, strict=True):
        writer.write(request)
    answers = await asyncio.wait_for(
        asyncio.gather(*(reader.read() for reader, _ in connections)), DEADLINE_SECONDS
    )
    for _, writer in connections:
        writer.close()
    return [answer_in(answer) for answer in answers]


def answer_in(raw: bytes) -> dict[str, Any]:
    """The mutation's answer in an HTTP response that must not be an error of any kind."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), raw
    said = json.loads(body)
    assert not said.get("errors"), said
    answer: dict[str, Any] = said["data"]["quickBuy"]
    return answer


async def test_two_thousand_buyers_get_two_hundred_keys_and_eighteen_hundred_refusals(
    platform: Platform, world: World, config: Settings
) -> None:
    await world.keys(KEYS)
    customers = await rich_customers(world, BUYERS, wallet_minor=PRICE_MINOR)

    answers = await everybody_at_once(
        platform, [request_of(platform, world, customer) for customer in customers]
    )

    refusals = Counter(answer["code"] for answer in answers if answer["__typename"] == "Problem")
    assert refusals == {"OUT_OF_STOCK": BUYERS - KEYS}
    orders = [answer["order"] for answer in answers if answer["__typename"] == "OrderCreated"]
    assert Counter(order["status"] for order in orders) == {"DELIVERED": KEYS}
    assert len({order["lines"][0]["keys"][0]["commitment"] for order in orders}) == KEYS
    assert await promised_twice(world.owner) == []
    assert await key_statuses(world.owner, world.goods) == {"SOLD": KEYS}
    assert await verify(config.database_url) == []
