"""A sandbox of the payment channel, and a server that hears its webhooks."""

from collections.abc import AsyncIterator, Iterator

import pytest

from channel_at_sandbox import leave, point_at
from sandbox.stripe.config import SandboxConfig
from sandbox_desk import (
    API_KEY,
    WEBHOOK_SECRET,
    Desk,
    Shop,
    desk_of,
    listening_socket,
    sandbox_running,
    shop_running,
    url_of,
)


@pytest.fixture(scope="module")
def shop_server() -> Iterator[Shop]:
    """The server that hears the sandbox's webhooks."""
    with shop_running() as shop:
        yield shop


@pytest.fixture
def shop(shop_server: Shop) -> Shop:
    return shop_server.afresh()


@pytest.fixture
async def desk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A sandbox of this test's own, and the product's settings pointed at it."""
    listening = listening_socket()
    config = SandboxConfig(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        public_url=url_of(listening),
        webhook_url=shop.url,
    )
    point_at(config.public_url, monkeypatch)
    with sandbox_running(config, listening):
        async with desk_of(config) as desk:
            yield desk
    await leave()
