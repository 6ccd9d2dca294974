"""Long work in the one thread that serves everybody, done in turns with the others."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

ITEMS_A_TURN: Final = 500

Item = TypeVar("Item")
Made = TypeVar("Made")


async def made_in_turns(make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """Make something of each item, in their order; other requests have a turn after so many.

    Few items are made at once, without a turn in between.
    """
    made: list[Made] = []
    for number, item in enumerate(items, 1):
        made.append(make(item))
        if number % ITEMS_A_TURN == 0:
            await asyncio.sleep(0)
    return made
