"""Valkey may be lost at any moment: that costs one short try, and then nothing."""

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio as redis

from kernel import valkey
from kernel.settings import Settings, settings
from patience import PATIENCE_SECONDS

pytestmark = pytest.mark.engines

ONE_TRY_SECONDS = valkey.TIMEOUT_SECONDS + 0.04


TRIES = 20
"""The least of so many is what something costs: the others met a busy neighbour."""


@pytest.fixture
async def fresh(config: Settings) -> AsyncIterator[None]:
    """A client that knows nothing of the tests before."""
    await valkey.close()
    yield
    await valkey.close()


@pytest.fixture
def patient(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is there is given all the time that it needs."""
    monkeypatch.setattr(valkey, "TIMEOUT_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


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
    # The first one ever also pays for imports; these are what a request would pay.
    spent_seconds = []
    for _ in range(TRIES):
        told, seconds = await timed_announcement()
        assert told is False
        spent_seconds.append(seconds)
        await valkey.close()
        if seconds < ONE_TRY_SECONDS:
            break
    assert min(spent_seconds) < ONE_TRY_SECONDS

    tries, client = 0, valkey.client

    def counted_client() -> redis.Redis:
        nonlocal tries
        tries += 1
        return client()

    monkeypatch.setattr(valkey, "client", counted_client)
    monkeypatch.setattr(valkey, "BREAK_SECONDS", PATIENCE_SECONDS)
    for _ in range(1_000):
        assert await valkey.announce("channel", "message") is False
    assert tries == 1


async def test_a_server_that_is_back_is_heard_once_the_breaker_closes(
    patient: None, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive, now_seconds = settings().redis_url, 1_000.0
    monkeypatch.setattr(valkey, "monotonic_seconds", lambda: now_seconds)
    point_at(nobody, monkeypatch)
    assert not await valkey.announce("channel", "message")
    with contextlib.suppress(Exception):
        await valkey.client().aclose()
    monkeypatch.setattr(valkey, "_client", None)
    point_at(alive, monkeypatch)
    assert not await valkey.announce("channel", "message"), "the breaker is still open"
    now_seconds += valkey.BREAK_SECONDS
    assert await valkey.announce("channel", "message")
