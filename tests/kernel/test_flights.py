"""Many who ask the same at once are given one computation, and nobody waits for one that died."""

import asyncio

import pytest

from kernel.flights import Flights


async def test_a_crowd_gets_one_computation_and_the_next_crowd_another() -> None:
    flights: Flights[str, int] = Flights()
    made: list[int] = []

    async def compute() -> int:
        await asyncio.sleep(0.01)
        made.append(len(made))
        return made[-1]

    for turn in range(3):
        found = await asyncio.gather(*(flights.join("key", compute) for _ in range(20)))
        assert found == [turn] * 20
    assert await asyncio.gather(*(flights.join(key, compute) for key in "ab")) == [3, 4]


async def test_an_error_is_its_own_computations_and_the_next_in_line_computes() -> None:
    flights: Flights[str, int] = Flights()
    tries: list[int] = []

    async def compute() -> int:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) < 3:
            raise LookupError
        return 7

    found = await asyncio.gather(
        *(flights.join("key", compute) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in found[:2]] == [LookupError, LookupError]
    assert found[2:] == [7, 7, 7]
    assert len(tries) == 3


async def test_who_leaves_takes_nobody_along() -> None:
    flights: Flights[str, str] = Flights()
    started = asyncio.Event()

    async def slow() -> str:
        started.set()
        await asyncio.sleep(10)
        return "never"

    async def quick() -> str:
        return "here"

    first = asyncio.create_task(flights.join("key", slow))
    await started.wait()
    leaving = asyncio.create_task(flights.join("key", quick))
    staying = asyncio.create_task(flights.join("key", quick))
    await asyncio.sleep(0)
    leaving.cancel()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await staying == "here"
    assert flights._flights == {}
