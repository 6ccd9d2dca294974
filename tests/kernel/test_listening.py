"""A process hears what is announced, and knows when it may have missed something."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from kernel import listening as module
from kernel.listening import Ear, listening
from kernel.settings import Settings
from patience import PATIENCE_SECONDS, until_true

pytestmark = pytest.mark.engines

LISTENERS = """select pg_terminate_backend(pid) from pg_stat_activity
               where application_name = 'kameng-listener' and datname = current_database()"""


class Listener:
    """An ear, what it has heard, and how often it had to forget."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.forgotten = 0
        self.ear = Ear()
        for channel in ("one", "two"):
            self.ear.on(channel, partial(self.note, channel))
        self.ear.on_silence(self.forget)

    def note(self, channel: str, text: str) -> None:
        self.heard.put_nowait((channel, text))

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.heard.get()

    def forget(self) -> None:
        assert not self.ear.listening_seconds, "forgotten before it is trusted"
        self.forgotten += 1

    async def until(self, *, listens: bool) -> None:
        await until_true(lambda: bool(self.ear.listening_seconds) is listens)


@pytest.fixture
async def listener(config: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listener]:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(module, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.1)
    found = Listener()
    async with listening(found.ear, config):
        yield found


async def announce(owner: asyncpg.Connection, channel: str, text: str) -> None:
    await owner.execute("select pg_notify($1, $2)", channel, text)


async def test_what_is_announced_on_its_channels_is_heard_and_nothing_else(
    listener: Listener, owner: asyncpg.Connection
) -> None:
    await listener.until(listens=True)
    for channel in ("one", "three", "two"):
        await announce(owner, channel, f"about {channel}")
    assert await listener.next() == ("one", "about one")
    assert await listener.next() == ("two", "about two")
    assert listener.forgotten == 1


async def test_a_transaction_is_heard_when_it_is_committed_and_not_when_it_is_not(
    listener: Listener, owner: asyncpg.Connection
) -> None:
    await listener.until(listens=True)
    transaction = owner.transaction()
    await transaction.start()
    await announce(owner, "one", "given up")
    await transaction.rollback()
    async with owner.transaction():
        await announce(owner, "one", "done")
        await asyncio.sleep(0.05)
        assert listener.heard.empty()
    assert await listener.next() == ("one", "done")


async def test_a_lost_connection_is_known_at_once_and_made_again(
    listener: Listener, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect, connect = asyncio.Event(), asyncpg.connect

    async def connect_when_allowed(*where: object, **how: object) -> asyncpg.Connection:
        await may_connect.wait()
        return await connect(*where, **how)

    monkeypatch.setattr(asyncpg, "connect", connect_when_allowed)
    for turn in range(1, 3):
        await listener.until(listens=True)
        assert listener.forgotten == turn
        may_connect.clear()
        assert len(await owner.fetch(LISTENERS)) == 1
        await listener.until(listens=False)
        await announce(owner, "one", "into the silence")
        may_connect.set()
    await listener.until(listens=True)
    assert listener.forgotten == 3
    await announce(owner, "two", "again")
    assert await listener.next() == ("two", "again")


async def test_a_server_that_leaves_one_heartbeat_unanswered_is_noticed(
    listener: Listener, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listener.until(listens=True)

    waited_seconds: list[float] = []

    async def never(*_: object, **options: float) -> None:
        waited_seconds.append(options["timeout"])
        await asyncio.sleep(options["timeout"])
        raise TimeoutError

    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", PATIENCE_SECONDS)
    with monkeypatch.context() as silent:
        silent.setattr(asyncpg.Connection, "execute", never)
        await listener.until(listens=False)
    assert waited_seconds == [0.1]


def test_a_silent_server_is_noticed_within_two_seconds() -> None:
    assert module.HEARTBEAT_SECONDS + module.ANSWER_SECONDS <= 2


async def test_without_a_database_it_goes_on_trying(config: Settings) -> None:
    nowhere = config.model_copy(update={"database_url": "postgresql://x@127.0.0.1:1/x"})
    ear = Ear()
    async with listening(ear, nowhere):
        await asyncio.sleep(0.1)
        assert ear.listening_seconds == 0.0
