"""Valkey may be lost at any moment: that costs one short try, and then nothing."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from kernel import valkey
from kernel.settings import Settings, settings

pytestmark = pytest.mark.engines

ONE_TRY_SECONDS = valkey.TIMEOUT_SECONDS + 0.04


@pytest.fixture
async def fresh(config: Settings) -> AsyncIterator[None]:
    """A client that knows nothing of the tests before."""
    await valkey.close()
    yield
    await valkey.close()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[valkey.Listener]:
    """Somebody who hears the channel until the block ends."""
    listener = valkey.Listener("channel")
    try:
        yield listener
    finally:
        await listener.close()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        yield f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


def point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    settings.cache_clear()


async def timed_announcement() -> tuple[bool, float]:
    """Whether it was heard, and the seconds that it took."""
    started = time.perf_counter()
    told = await valkey.announce("channel", "message")
    return told, time.perf_counter() - started


async def test_who_listens_hears_an_announcement(fresh: None) -> None:
    async with listening() as listener:
        waiting = asyncio.create_task(listener.wait(5))
        started = time.perf_counter()
        # Until the listener has subscribed, nobody hears.
        while not waiting.done():
            assert await valkey.announce("channel", "message")
            await asyncio.sleep(0.01)
        assert time.perf_counter() - started < 2


async def test_an_announcement_on_another_channel_is_not_heard(fresh: None) -> None:
    async with listening() as listener:
        await listener.wait(0.01)
        waiting = asyncio.create_task(listener.wait(0.2))
        assert await valkey.announce("another", "message")
        started = time.perf_counter()
        await waiting
        assert time.perf_counter() - started > 0.1


@pytest.mark.parametrize("server", ["black_hole", "nobody"])
async def test_a_dead_server_costs_one_short_try_and_then_nothing(
    fresh: None,
    server: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_at(request.getfixturevalue(server), monkeypatch)
    assert (await timed_announcement())[0] is False
    await valkey.close()
    # The first one ever also pays for imports; these are what a request would pay, and the least
    # of them is what it costs: the others met a busy neighbour.
    spent_seconds = []
    for _ in range(3):
        told, seconds = await timed_announcement()
        assert told is False
        spent_seconds.append(seconds)
        await valkey.close()
    assert min(spent_seconds) < ONE_TRY_SECONDS
    assert (await timed_announcement())[0] is False
    started = time.perf_counter()
    for _ in range(1_000):
        assert await valkey.announce("channel", "message") is False
    assert time.perf_counter() - started < 2  # a try each would take a minute


async def test_a_server_that_is_back_is_heard_once_the_breaker_closes(
    fresh: None, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = settings().redis_url
    monkeypatch.setattr(valkey, "BREAK_SECONDS", 0.1)
    point_at(nobody, monkeypatch)
    assert not await valkey.announce("channel", "message")
    with contextlib.suppress(Exception):
        await valkey.client().aclose()
    monkeypatch.setattr(valkey, "_client", None)
    point_at(alive, monkeypatch)
    assert not await valkey.announce("channel", "message"), "the breaker is still open"
    await asyncio.sleep(0.15)
    assert await valkey.announce("channel", "message")


async def test_a_listener_of_a_dead_server_comes_back_in_time_to_look_for_itself(
    fresh: None, black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(black_hole, monkeypatch)
    async with listening() as listener:
        started = time.perf_counter()
        await listener.wait(0.2)
        assert 0.1 < time.perf_counter() - started < 3
