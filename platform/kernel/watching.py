"""Many who watch one thing: one look for all of them, and not one for each.

A look is taken when somebody begins to watch, when the thing's channel announces a change, and
every few seconds without one. Whoever begins to watch is told what a look has seen that was begun
after that: nobody is answered from before his question. Whoever watches already is told of news
alone, of what differs from the look before: else each newcomer would wake all the others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from kernel.switchboard import switchboard

Topic = TypeVar("Topic", bound=Hashable)
Seen = TypeVar("Seen")

Look = Callable[[], Awaitable[Seen]]
Channel = Callable[[Seen], str]


class Watch(Generic[Seen]):
    """One thing that is watched, by one task, for all who have joined."""

    def __init__(self, look: Look[Seen], channel: Channel[Seen], again_seconds: float) -> None:
        self._look = look
        self._channel = channel
        self._again_seconds = again_seconds
        self._begun = 0
        self._ended = 0
        self._seen: list[Seen] = []
        self._failure: Exception | None = None
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()
        self._news = asyncio.Event()
        self.watchers = 0
        self.task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        """True when a look has failed, or nobody looks any more: this watch tells nothing new."""
        return self._failure is not None or self.task.done()

    async def first(self) -> Seen:
        """Give what a look sees that begins now, or raise what it does."""
        after = self._begun
        self._wanted.set()
        while self._ended <= after:
            if self._failure is None:
                await self._looked.wait()
            self._raise_failure()
        return self._seen[0]

    async def newer(self, seen: Seen) -> Seen:
        """Give what is news after `seen`, waiting for it if need be, or raise
        what the look does."""
        if self._seen[0] is seen and self._failure is None:
            await self._news.wait()
        self._raise_failure()
        return self._seen[0]

    def _raise_failure(self) -> None:
        if self._failure is not None:
            # Many raise the same: without this its traceback would grow with each of them.
            raise self._failure.with_traceback(None)

    async def _run(self) -> None:
        channel: str | None = None
        try:
            await self._wanted.wait()
            while True:
                self._wanted.clear()
                self._begun += 1
                self._note(await self._look())
                if channel is None:
                    channel = self._channel(self._seen[0])
                    await switchboard.on(channel, self._wanted.set)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._again_seconds):
                        await self._wanted.wait()
        except Exception as failure:
            self._failure = failure
            self._looked.set()
            self._news.set()
        finally:
            if channel is not None:
                await switchboard.off(channel, self._wanted.set)

    def _note(self, seen: Seen) -> None:
        """Tell those who have just come, and if it is news everybody else."""
        self._ended = self._begun
        if not self._seen or self._seen[0] != seen:
            self._seen[:] = [seen]
            told, self._news = self._news, asyncio.Event()
            told.set()
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()


class Watches(Generic[Topic, Seen]):
    """What is watched in this process, by its topic."""

    def __init__(self) -> None:
        self._watches: dict[Topic, Watch[Seen]] = {}

    def __len__(self) -> int:
        return len(self._watches)

    @asynccontextmanager
    async def watching(
        self, topic: Topic, *, look: Look[Seen], channel: Channel[Seen], again_seconds: float
    ) -> AsyncIterator[Watch[Seen]]:
        """Watch a topic inside the block, together with all who do.

        The first one's `look` is taken for everybody: the topic must name all that it depends on.
        """
        watch = self._watches.get(topic)
        if watch is None or watch.over:
            watch = self._watches[topic] = Watch(look, channel, again_seconds)
        watch.watchers += 1
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                await self._leave(topic, watch)

    async def _leave(self, topic: Topic, watch: Watch[Seen]) -> None:
        if self._watches.get(topic) is watch:
            del self._watches[topic]
        watch.task.cancel()
        with suppress(asyncio.CancelledError):
            await watch.task
