"""API and worker are killed at any moment while buyers are shopping: every sale ends well."""

import asyncio
import random

import pytest

from faults.lives import always_revived
from faults.rush import assert_nothing_was_lost, rush
from kernel.settings import Settings
from processes import Platform
from world import World

pytestmark = pytest.mark.engines

LONGEST_LIFE_SECONDS = 0.8


async def kill_again_and_again(platform: Platform, *, deaths: int) -> None:
    """Kill API or worker so many times, each at any moment of a life that has begun."""
    victims = (platform.api, platform.worker)
    async with always_revived(*victims) as died:
        while len(died) < deaths:
            await platform.until_healthy(platform.api_url)
            await asyncio.sleep(random.uniform(0, LONGEST_LIFE_SECONDS))
            random.choice(victims).kill()
            await asyncio.sleep(0.1)
        await platform.until_healthy(platform.api_url)


@pytest.mark.parametrize(
    "deaths, keys",
    [
        pytest.param(10, 500, marks=pytest.mark.sweep),
        pytest.param(100, 5_000, marks=pytest.mark.soak),
    ],
)
async def test_sales_survive_processes_that_are_killed_again_and_again(
    platform: Platform, world: World, config: Settings, deaths: int, keys: int
) -> None:
    await world.keys(keys)
    async with rush(platform, world) as buyers:
        await kill_again_and_again(platform, deaths=deaths)

    await assert_nothing_was_lost(platform, buyers, config.database_url)
