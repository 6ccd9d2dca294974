"""One connection to Valkey for everybody in this process who waits for announcements.

A wake is called for each announcement of its channel, as far as Valkey is there: it may be gone at
any moment, and what was announced meanwhile is not heard. Whoever waits also looks for himself.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from kernel import valkey

PAUSE_SECONDS: Final = 0.5
"""Between two tries to come back to a server that has gone."""
LISTEN_SECONDS: Final = 30.0
_AWAY: Final = (RedisError, OSError, TimeoutError)

Wake = Callable[[], object]


class Switchboard:
    """Who waits on which channel. The connection is there while anybody does."""

    def __init__(self) -> None:
        self._wakes: defaultdict[str, set[Wake]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._pubsub: redis.client.PubSub | None = None
        """Of the reader, once it has subscribed to every channel."""

    async def on(self, channel: str, wake: Wake) -> None:
        """Call `wake` for each announcement from now on.

        Where it is cancelled, `off` must be called all the same.
        """
        is_new = channel not in self._wakes
        self._wakes[channel].add(wake)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        elif is_new and self._pubsub is not None:
            with suppress(*_AWAY):  # the reader meets it, too, and begins anew
                await self._pubsub.subscribe(channel)
            valkey.leave_if_canceled()

    async def off(self, channel: str, wake: Wake) -> None:
        """Call `wake` no more; the last one to go closes the connection."""
        self._wakes[channel].discard(wake)
        if self._wakes[channel]:
            return
        del self._wakes[channel]
        reader, pubsub = self._reader, self._pubsub
        if self._wakes:
            if pubsub is not None:
                with suppress(*_AWAY):
                    await pubsub.unsubscribe(channel)
        elif reader is not None:
            self._reader = self._pubsub = None
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _read(self) -> None:
        me = asyncio.current_task()
        while self._reader is me:
            pubsub = valkey.client().pubsub(ignore_subscribe_messages=True)
            try:
                await self._subscribe(pubsub)
                while self._reader is me:
                    self._told(await pubsub.get_message(timeout=LISTEN_SECONDS))
            except _AWAY:
                pass
            finally:
                if self._pubsub is pubsub:
                    self._pubsub = None
                with suppress(*_AWAY):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis
            await asyncio.sleep(PAUSE_SECONDS)

    async def _subscribe(self, pubsub: redis.client.PubSub) -> None:
        """Subscribe to every channel, those that come meanwhile included."""
        done: set[str] = set()
        while missing := self._wakes.keys() - done:
            await pubsub.subscribe(*missing)
            done |= missing
        if self._reader is asyncio.current_task():
            self._pubsub = pubsub

    def _told(self, message: dict[str, Any] | None) -> None:
        if message is None or message["type"] != "message":
            return
        for wake in list(self._wakes.get(message["channel"].decode(), ())):
            wake()


switchboard: Final = Switchboard()
"""The process's own."""
