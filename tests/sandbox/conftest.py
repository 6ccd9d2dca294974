"""Fixtures: a shop that hears webhooks, and a sandbox that sends them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the real client speak to httpx in the way that httpx has deprecated."""
    old_way = pytest.mark.filterwarnings(
        "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(old_way)


@pytest.fixture(scope="session")
def shop_server() -> Iterator[Shop]:
    """The server of the shop, one for all tests: each test's sandbox ends before the next."""
    with shop_running() as shop:
        yield shop


@pytest.fixture
def shop(shop_server: Shop) -> Shop:
    """A shop that has heard nothing yet."""
    return shop_server.afresh()


@pytest.fixture
def config(shop: Shop) -> Iterator[SandboxConfig]:
    """The account of a sandbox that runs for this test and reports to the shop."""
    listening = listening_socket()
    config = SandboxConfig(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        public_url=url_of(listening),
        webhook_url=shop.url,
    )
    with sandbox_running(config, listening):
        yield config


@pytest_asyncio.fixture
async def desk(config: SandboxConfig) -> AsyncIterator[Desk]:
    """The clients of the running sandbox."""
    async with desk_of(config) as desk:
        yield desk
