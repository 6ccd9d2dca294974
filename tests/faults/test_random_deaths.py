"""API and worker are killed at any moment while buyers are shopping: every sale ends well."""

import asyncio
import random

import pytest
from faults.buyers import Buyer, complaints
from faults.lives import always_revived
from processes import Platform
from world import World

from entrypoints.verify import verify
from kernel.settings import Settings

pytestmark = pytest.mark.engines

AT_ONCE = 8
PAUSES_SECONDS = (0.3, 0.9)


async def shop_one_after_the_other(buyers: list[Buyer]) -> None:
    """Let the buyers in, so many at once; each goes when the keys are there."""
    places = asyncio.Semaphore(AT_ONCE)

    async def visit(buyer: Buyer) -> None:
        async with places:
            await buyer.buy()
            await buyer.until("DELIVERED")

    await asyncio.gather(*(visit(buyer) for buyer in buyers))


async def shop_among_deaths(
    platform: Platform, world: World, *, sales: int
) -> tuple[list[Buyer], list[str]]:
    """Kill one process after the other until everybody has shopped."""
    buyers = [Buyer(platform, world.shop, world.goods) for _ in range(sales)]
    victims = (platform.api, platform.worker)
    async with always_revived(*victims) as deaths:
        shopping = asyncio.create_task(shop_one_after_the_other(buyers))
        while not shopping.done():
            await asyncio.sleep(random.uniform(*PAUSES_SECONDS))
            random.choice(victims).kill()
        await shopping
    return buyers, deaths


async def assert_nothing_was_lost(
    platform: Platform, buyers: list[Buyer], config: Settings
) -> None:
    """Every buyer has the keys, and they are other keys than everybody else's."""
    assert await complaints(platform, buyers) == []
    assert len({buyer.intent for buyer in buyers}) == len(buyers)
    assert await verify(config.database_url) == []


async def test_a_hundred_sales_survive_processes_that_are_killed_all_the_time(
    platform: Platform, world: World, config: Settings
) -> None:
    buyers, deaths = await shop_among_deaths(platform, world, sales=100)

    assert len(deaths) >= 5
    await assert_nothing_was_lost(platform, buyers, config)


@pytest.mark.soak
async def test_thousands_of_sales_survive_hundreds_of_deaths(
    platform: Platform, world: World, config: Settings
) -> None:
    total_deaths = 0
    while total_deaths < 200:
        await world.keys(200)
        buyers, deaths = await shop_among_deaths(platform, world, sales=200)
        await assert_nothing_was_lost(platform, buyers, config)
        total_deaths += len(deaths)
