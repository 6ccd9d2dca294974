"""Fixtures of the webhooks' tests: the small world, a receiver, and what the worker does."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from kernel import valkey
from kernel.settings import Settings, settings
from listeners import SECRET
from notifications.delivering import Dispatcher
from post_office import PostOffice
from sales import SalesDesk, channels_in_memory
from sandbox.webhooks.receiver import Receiver, receiving
from world import build_world


@pytest.fixture
def config(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """This machine may be called."""
    monkeypatch.setenv("KAMENG_OUTWARD_LOOPBACK", "true")
    settings.cache_clear()
    yield settings()


@pytest.fixture
async def desk(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[SalesDesk]:
    """A desk in the world of the worked example, with keys."""
    world = await build_world(owner)
    with channels_in_memory() as channels:
        yield SalesDesk(world, channels)
    await valkey.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who listens with `SECRET`."""
    async with receiving(SECRET) as listening:
        yield listening


@pytest.fixture
async def office(desk: SalesDesk) -> AsyncIterator[PostOffice]:
    """What the worker does about webhooks."""
    dispatcher = Dispatcher()
    yield PostOffice(desk.owner, desk.world, dispatcher)
    await dispatcher.finish()
