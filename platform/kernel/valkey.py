"""Valkey, which may be lost at any moment: announcements, and answers that can be made again.

One short try, no retries, and a breaker: while the server does not answer, calls return at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from kernel.clock import monotonic_seconds
from kernel.log import get_logger
from kernel.settings import settings

TIMEOUT_SECONDS = 0.05
BREAK_SECONDS = 2.0

log = get_logger(__name__)
_client: redis.Redis | None = None
_broken_until = 0.0


def client() -> redis.Redis:
    """The process's client; aioredis lives on as `redis.asyncio`."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(
            settings().redis_url or "redis://127.0.0.1:6379/0",
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    return _client


async def close() -> None:
    """Close the connections of this process."""
    global _client, _broken_until
    if _client is not None:
        await _client.aclose()
    _client, _broken_until = None, 0.0


async def announce(channel: str, message: str) -> bool:
    """Tell whoever listens; False when Valkey is away. Listeners also look for themselves."""
    return await _unless_away(lambda: client().publish(channel, message)) is not None


async def recall(key: str) -> tuple[bytes, int] | None:
    """What was kept under this key and for how many milliseconds more; None when nothing was, and
    when Valkey is away."""

    async def ask() -> tuple[bytes | None, int]:
        async with client().pipeline(transaction=True) as both:
            both.get(key)
            both.pttl(key)
            value, milliseconds = await both.execute()
            return value, milliseconds

    found = await _unless_away(ask)
    return found if found is not None and found[0] is not None else None


async def keep(key: str, value: bytes, *, milliseconds: int) -> None:
    """Keep a value for so long, if Valkey is there."""
    await _unless_away(lambda: client().set(key, value, px=milliseconds))


async def append(stream: str, value: bytes, *, most: int) -> bool:
    """Put a value at the end of a stream that keeps about so many; False when Valkey is away."""
    put = client().xadd
    placed = await _unless_away(lambda: put(stream, {"v": value}, maxlen=most, approximate=True))
    return placed is not None


async def waiting(stream: str, *, at_most: int) -> list[tuple[bytes, bytes]]:
    """The oldest values of a stream, each with its place; none when Valkey is away."""
    found = await _unless_away(lambda: client().xrange(stream, count=at_most))
    return [(place, held.get(b"v", b"")) for place, held in found or ()]


async def forget(stream: str, places: list[bytes]) -> None:
    """Take values out of a stream, if Valkey is there."""
    await _unless_away(lambda: client().xdel(stream, *places))


async def _unless_away(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer; None while the server does not answer, and then no more is asked for a while."""
    global _broken_until
    if monotonic_seconds() < _broken_until:
        return None
    try:
        return await ask()
    except (RedisError, OSError, TimeoutError) as error:
        _broken_until = monotonic_seconds() + BREAK_SECONDS
        log.warning("valkey_away", error=type(error).__name__)
        return None


def leave_if_canceled() -> None:
    """Cancel again what was told to stop and did not hear it.

    The client sends with Python 3.11's `wait_for`, which drops a cancellation that arrives just
    when the sending is done; whoever listens would go on for ever, for somebody who has left.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
