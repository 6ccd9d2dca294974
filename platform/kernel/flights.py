"""One computation for many who ask the same at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(slots=True)
class _Flight(Generic[Result]):
    """A computation under way. `landed` holds its result; it stays empty when it came to none."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    landed: list[Result] = field(default_factory=list)


class Flights(Generic[Key, Result]):
    """Computations under way in this process, by what they compute."""

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight[Result]] = {}

    async def join(self, key: Key, compute: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `compute` gives, to all who ask for `key` meanwhile.

        The first one computes. An error of its computation is its own, and so is its being
        cancelled: of those who waited, the next one computes then.
        """
        while (flight := self._flights.get(key)) is not None:
            await flight.over.wait()
            if flight.landed:
                return flight.landed[0]
        flight = self._flights[key] = _Flight()
        try:
            result = await compute()
            flight.landed.append(result)
            return result
        finally:
            del self._flights[key]
            flight.over.set()
