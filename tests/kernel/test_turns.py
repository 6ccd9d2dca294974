"""Long work lets the others have their turns."""

import asyncio

from kernel.turns import ITEMS_A_TURN, made_in_turns


async def test_everything_is_made_in_order_and_others_have_turns_meanwhile() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    seen: list[int] = []

    def make(item: int) -> int:
        seen.append(turns)
        return -item

    beside = asyncio.create_task(others())
    many = range(3 * ITEMS_A_TURN)
    assert await made_in_turns(make, many) == [-item for item in many]
    assert len(set(seen)) == 3
    seen.clear()
    await made_in_turns(make, range(ITEMS_A_TURN - 1))
    assert len(set(seen)) == 1
    beside.cancel()
