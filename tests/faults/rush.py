"""Shoppers who keep coming for as long as something is being broken under them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from entrypoints.verify import verify
from faults.buyers import Buyer, complaints
from processes import Platform
from world import World

AT_ONCE = 8
AT_LEAST = 30


async def _keep_shopping(
    platform: Platform, world: World, buyers: list[Buyer], closing: asyncio.Event
) -> None:
    """One buyer after the other, each from the order to the keys."""
    while not closing.is_set() or len(buyers) < AT_LEAST:
        buyer = Buyer(platform, world.shop, world.goods)
        buyers.append(buyer)
        await buyer.buy()
        await buyer.until("DELIVERED")


@asynccontextmanager
async def rush(platform: Platform, world: World) -> AsyncIterator[list[Buyer]]:
    """Shop during the block, eight at once, thirty in all or more; at the end all are served."""
    buyers: list[Buyer] = []
    closing = asyncio.Event()
    async with asyncio.TaskGroup() as shoppers:
        for _ in range(AT_ONCE):
            shoppers.create_task(_keep_shopping(platform, world, buyers, closing))
        yield buyers
        closing.set()


async def assert_nothing_was_lost(
    platform: Platform, buyers: list[Buyer], database_url: str
) -> None:
    """Every buyer paid one payment of one order and has its keys."""
    assert len({buyer.intent for buyer in buyers}) == len(buyers)
    assert len({buyer.order_no for buyer in buyers}) == len(buyers)
    assert await complaints(platform, buyers) == []
    assert await verify(database_url) == []
