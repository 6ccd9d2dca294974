"""Many who watch one thing share the looks, and each is told what he would have seen himself."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from kernel import valkey
from kernel.settings import settings
from kernel.switchboard import Switchboard, switchboard
from kernel.watching import Watch, Watches

pytestmark = pytest.mark.engines

PATIENCE_SECONDS = 10.0


@dataclass
class Thing:
    """Something that changes; what a look sees is a new list each time."""

    value: int = 0
    looks: int = 0
    takes_seconds: float = 0.0
    failure: Exception | None = None
    looked_at: list[int] = field(default_factory=list)

    async def look(self) -> list[int]:
        self.looks += 1
        seen = self.value
        await asyncio.sleep(self.takes_seconds)
        if self.failure is not None:
            raise self.failure
        return [seen]


@pytest.fixture
async def watches(config: object) -> AsyncIterator[Watches[str, list[int]]]:
    await valkey.close()
    made = Watches[str, list[int]]()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield made
        assert len(made) == 0, "who has left is forgotten"
        assert not switchboard._wakes and switchboard._reader is None, "nobody waits any more"
        running = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
        assert not running & {"Watch._run", "Switchboard._read"}, "nobody looks any more"
    finally:
        await valkey.close()


async def join(
    stack: AsyncExitStack, watches: Watches[str, list[int]], thing: Thing, *, again: float = 60.0
) -> Watch[list[int]]:
    return await stack.enter_async_context(
        watches.watching("it", look=thing.look, channel=lambda _: "thing", again_seconds=again)
    )


async def until_announced(heard: "asyncio.Task[list[int]]") -> None:
    """Nobody hears before the process has subscribed."""
    while not heard.done():
        await valkey.announce("thing", "changed")
        await asyncio.sleep(0.02)


async def test_who_comes_at_once_is_shown_one_look(watches: Watches[str, list[int]]) -> None:
    thing = Thing(takes_seconds=0.05)
    async with AsyncExitStack() as stack:
        joined = [await join(stack, watches, thing) for _ in range(100)]
        seen = await asyncio.gather(*(watch.first() for watch in joined))
        assert seen == [[0]] * 100
        assert thing.looks == 1


async def test_who_comes_later_is_not_told_what_was_seen_before(
    watches: Watches[str, list[int]],
) -> None:
    thing = Thing(takes_seconds=0.05)
    async with AsyncExitStack() as stack:
        early = await join(stack, watches, thing)
        first = asyncio.create_task(early.first())
        await asyncio.sleep(0.01)
        assert thing.looks == 1, "a look is under way"
        thing.value = 1
        late = await join(stack, watches, thing)
        assert late is early
        assert await late.first() == [1], "that look had begun too early"
        assert await first == [0]
        assert thing.looks == 2


async def test_an_announcement_is_one_look_for_all(watches: Watches[str, list[int]]) -> None:
    thing = Thing()
    async with AsyncExitStack() as stack:
        joined = [await join(stack, watches, thing) for _ in range(50)]
        seen = await asyncio.gather(*(watch.first() for watch in joined))
        thing.value = 1
        waiting = [
            asyncio.create_task(watch.newer(one)) for watch, one in zip(joined, seen, strict=True)
        ]
        await until_announced(waiting[0])
        assert await asyncio.gather(*waiting) == [[1]] * 50
        assert thing.looks < 10


async def test_without_an_announcement_one_looks_all_the_same(
    watches: Watches[str, list[int]],
) -> None:
    thing = Thing()
    async with AsyncExitStack() as stack:
        watch = await join(stack, watches, thing, again=0.05)
        seen = await watch.first()
        thing.value = 1
        while seen == [0]:
            seen = await watch.newer(seen)
        assert seen == [1]


async def test_what_was_seen_while_somebody_was_busy_is_told_at_once(
    watches: Watches[str, list[int]],
) -> None:
    thing = Thing()
    async with AsyncExitStack() as stack:
        watch = await join(stack, watches, thing)
        seen = await watch.first()
        thing.value = 1
        await watch.first()  # somebody else has come
        looks = thing.looks
        assert await watch.newer(seen) == [1]
        assert thing.looks == looks


async def test_who_watches_is_not_woken_by_who_comes(watches: Watches[str, list[int]]) -> None:
    thing = Thing()
    async with AsyncExitStack() as stack:
        watch = await join(stack, watches, thing)
        seen = await watch.first()
        waiting = asyncio.create_task(watch.newer(seen))
        for _ in range(5):
            newcomer = await join(stack, watches, thing)
            assert await newcomer.first() is seen, "it is the same, and kept once"
        assert (thing.looks, waiting.done()) == (6, False)
        thing.value = 1
        assert await watch.first() == [1]
        assert await waiting == [1]


async def test_a_failure_is_everybodys_and_the_next_one_begins_anew(
    watches: Watches[str, list[int]],
) -> None:
    thing = Thing(failure=ValueError("gone"))
    async with AsyncExitStack() as stack:
        joined = [await join(stack, watches, thing) for _ in range(3)]
        failed = await asyncio.gather(*(w.first() for w in joined), return_exceptions=True)
        assert failed == [thing.failure] * 3
        assert all(watch.over for watch in joined)
        thing.failure = None
        again = await join(stack, watches, thing)
        assert again not in joined
        assert await again.first() == [0]


async def test_who_leaves_leaves_the_others_alone(watches: Watches[str, list[int]]) -> None:
    thing = Thing()
    async with AsyncExitStack() as stays:
        async with AsyncExitStack() as leaves:
            seen = await (await join(leaves, watches, thing)).first()
            watch = await join(stays, watches, thing)
        thing.value = 1
        heard = asyncio.create_task(watch.newer(await watch.first()))
        thing.value = 2
        await until_announced(heard)
        assert (seen, await heard) == ([0], [2])


async def test_a_dead_server_keeps_nobody_from_looking_or_leaving(
    watches: Watches[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(64)
        address = f"redis://127.0.0.1:{black_hole.getsockname()[1]}/0"
        monkeypatch.setenv("REDIS_URL", address)
        settings.cache_clear()
        thing = Thing()
        async with AsyncExitStack() as stack:
            watch = await join(stack, watches, thing, again=0.05)
            seen = await watch.first()
            for _ in range(10):  # through several tries to come back
                thing.value += 1
                seen = await watch.newer(seen)
                await asyncio.sleep(0.1)
        assert thing.looks >= 10
        await valkey.close()
    monkeypatch.undo()
    settings.cache_clear()


async def test_a_wake_is_called_for_its_own_channel_alone(config: object) -> None:
    board, own, others = Switchboard(), asyncio.Event(), asyncio.Event()
    await board.on("own", own.set)
    await board.on("other", others.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not own.is_set():
            await valkey.announce("own", "x")
            await asyncio.sleep(0.01)
        assert not others.is_set()
        await board.off("own", own.set)
        own.clear()
        while not others.is_set():
            await valkey.announce("own", "x")
            await valkey.announce("other", "x")
            await asyncio.sleep(0.01)
    assert not own.is_set(), "it has gone"
    await board.off("other", others.set)
    await valkey.close()


async def test_a_board_whose_connection_was_cut_hears_again(
    config: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.switchboard.PAUSE_SECONDS", 0.01)
    board, heard = Switchboard(), asyncio.Event()
    await board.on("channel", heard.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for _ in range(2):
            heard.clear()
            while not heard.is_set():
                await valkey.announce("channel", "x")
                await asyncio.sleep(0.01)
            await valkey.client().client_kill_filter(_type="pubsub")
    await board.off("channel", heard.set)
    await valkey.close()
