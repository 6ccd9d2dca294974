"""What other processes announce through the database, heard on a connection of its own.

PostgreSQL delivers an announcement when the transaction that made it has been committed, and to
those alone who are connected then. So whoever listens also knows whether it listens: while the
connection is away, something may have been missed, and nothing may rest on silence.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from kernel import crypto
from kernel.clock import monotonic_seconds
from kernel.log import get_logger
from kernel.orm import CORE, ROLES
from kernel.settings import Settings

HEARTBEAT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.0
"""A server that has gone without a word is noticed when a heartbeat is not answered in time."""
_PAUSE_SECONDS: Final = 0.5

log = get_logger(__name__)

Hear = Callable[[str], None]
"""What to do with an announcement: given its text, at once and without waiting."""


class Ear:
    """One process's ear: what is announced goes to whoever waits for it on a channel."""

    def __init__(self) -> None:
        self._channels: list[tuple[str, Hear]] = []
        self._after_silence: list[Callable[[], None]] = []
        self._on_arrival: list[tuple[str, str]] = []
        self._listening_since: float | None = None
        self._heard_before = True

    def on(self, channel: str, hear: Hear) -> None:
        """Say what happens with an announcement; before listening begins."""
        self._channels.append((channel, hear))

    def on_silence(self, forget: Callable[[], None]) -> None:
        """Say what must be forgotten when announcements may have been missed."""
        self._after_silence.append(forget)

    def announce_arrival(self, channel: str, text: str) -> None:
        """Say what all processes are told when this one begins to listen: the process whose place
        it takes may have died with something untold."""
        self._on_arrival.append((channel, text))

    @property
    def listening_seconds(self) -> float:
        """For how long nothing has been missed; 0 while the connection is away."""
        since = self._listening_since
        return 0.0 if since is None else monotonic_seconds() - since

    async def listen(self, settings: Settings) -> None:
        """Listen until cancelled; a lost connection is made again."""
        while True:
            try:
                await self._listen_once(settings)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if self._heard_before:  # said once, and not with every try
                    log.warning("listening_interrupted", error=type(error).__name__)
                self._heard_before = False
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen_once(self, settings: Settings) -> None:
        url = settings.url_for_role(ROLES[CORE], crypto.role_password(settings))
        connection = await asyncpg.connect(
            url, timeout=5, server_settings={"application_name": "kameng-listener"}
        )
        try:
            connection.add_termination_listener(self._lost)
            for channel, hear in self._channels:
                await connection.add_listener(channel, _callback(hear))
            # What was known before may be old: forgotten first, and only then trusted again.
            for forget in self._after_silence:
                forget()
            self._listening_since = monotonic_seconds()
            self._heard_before = True
            for announcement in self._on_arrival:
                await connection.execute("select pg_notify($1, $2)", *announcement)
            while True:
                await connection.execute("select 1", timeout=ANSWER_SECONDS)
                await asyncio.sleep(HEARTBEAT_SECONDS)
        finally:
            self._listening_since = None
            connection.terminate()

    def _lost(self, _connection: asyncpg.Connection) -> None:
        self._listening_since = None


def _callback(hear: Hear) -> Callable[[object, int, str, str], None]:
    """What asyncpg calls: with the connection, the sender, the channel and the text."""
    return lambda _connection, _sender, _channel, text: hear(text)


@asynccontextmanager
async def listening(ear: Ear, settings: Settings) -> AsyncIterator[None]:
    """Keep an ear open inside the block."""
    task = asyncio.create_task(ear.listen(settings))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
