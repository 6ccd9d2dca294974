"""The engines under the product go away in the middle of a rush, and come back."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from faults.buyers import Buyer, complaints
from processes import Platform, running_platform
from world import World, build_world

from engines import test_engines
from entrypoints.embedded import Engines, erase_engines, start_engines
from entrypoints.embedded.processes import processes_in, signal_all
from entrypoints.verify import verify
from kernel.settings import Settings
from migrations import migrate

AT_ONCE = 8
MASTER_SECRET = "a-master-secret-for-tests-only-0123456789"


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Engines]:
    """A PostgreSQL of this test alone, which keeps what it has committed."""
    data_dir = tmp_path / "engines"
    engines = start_engines(data_dir, redis_url=test_engines().redis_url)
    yield engines
    erase_engines(data_dir)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Engines]:
    """A Valkey of this test alone."""
    data_dir = tmp_path / "engines"
    engines = start_engines(data_dir, database_url=test_engines().database_url)
    yield engines
    erase_engines(data_dir)


@pytest.fixture
async def market(
    own_postgres: Engines, cheap_lives: None, tmp_path: Path
) -> AsyncIterator[tuple[Platform, World]]:
    """The product over that PostgreSQL, and its small world."""
    config = Settings(
        DATABASE_URL=own_postgres.database_url, environment="test", master_secret=MASTER_SECRET
    )
    await migrate(config)
    owner = await asyncpg.connect(own_postgres.database_url)
    world = await build_world(owner, keys=200)
    await owner.close()
    async with running_platform(
        database_url=own_postgres.database_url,
        redis_url=own_postgres.redis_url,
        master_secret=MASTER_SECRET,
        directory=tmp_path,
    ) as platform:
        yield platform, world


async def shop_together(buyers: list[Buyer]) -> None:
    """Let the buyers in, so many at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def visit(buyer: Buyer) -> None:
        async with places:
            await buyer.buy()
            await buyer.until("DELIVERED")

    await asyncio.gather(*(visit(buyer) for buyer in buyers))


async def end_and_revive(engines: Engines, number: signal.Signals) -> None:
    """Stop every process of PostgreSQL at once, without a checkpoint, and start it again."""
    assert engines.postgres is not None
    signal_all(processes_in(engines.postgres.data), number)
    while engines.postgres.is_alive():
        await asyncio.sleep(0.02)
    await asyncio.to_thread(engines.revive)


@pytest.mark.parametrize(
    "sales, restarts", [(40, 3), pytest.param(2_000, 60, marks=pytest.mark.soak)]
)
async def test_sales_survive_a_database_that_stops_at_once_and_comes_back(
    market: tuple[Platform, World], own_postgres: Engines, sales: int, restarts: int
) -> None:
    platform, world = market
    buyers = [Buyer(platform, world.shop, world.goods) for _ in range(sales)]
    shopping = asyncio.create_task(shop_together(buyers))

    for restart in range(restarts):
        await asyncio.sleep(random.uniform(0.4, 1.0))
        number = signal.SIGKILL if restart % 2 else signal.SIGQUIT
        await end_and_revive(own_postgres, number)
    assert not shopping.done()
    await shopping

    assert await complaints(platform, buyers) == []
    assert await verify(own_postgres.database_url) == []


@pytest.mark.engines
async def test_sales_go_on_without_valkey_and_nobody_waits_for_it(
    own_valkey: Engines, cheap_lives: None, config: Settings, world: World, tmp_path: Path
) -> None:
    async with running_platform(
        database_url=config.database_url,
        redis_url=own_valkey.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
    ) as platform:
        before = [Buyer(platform, world.shop, world.goods) for _ in range(8)]
        without = [Buyer(platform, world.shop, world.goods) for _ in range(24)]
        await shop_together(before)
        shopping = asyncio.create_task(shop_together(without))
        assert own_valkey.valkey is not None
        await asyncio.to_thread(own_valkey.valkey.stop)
        assert not shopping.done()
        await shopping

        assert not own_valkey.valkey.is_alive()
        assert await complaints(platform, [*before, *without]) == []
        assert max(buyer.longest_wait_seconds for buyer in without) < 5
    assert await verify(config.database_url) == []
