"""Planting a market step by step; a run that was killed goes on with the step that it was at."""

from collections.abc import Awaitable, Callable

import asyncpg

from entrypoints.bench.market.goods import plant_goods
from entrypoints.bench.market.ground import lay_ground
from entrypoints.bench.market.records import Market, read_market
from entrypoints.bench.market.stock import fill_pools
from entrypoints.bench.market.tree import plant_tree
from entrypoints.bench.timing import Size

Say = Callable[[str], object]
Seal = Callable[[], Awaitable[None]]


async def plant_market(owner: asyncpg.Connection, size: Size, *, seal: Seal, say: Say) -> Market:
    """Fill a migrated database, or finish what an earlier run has begun.

    `seal` adds the keys that can be opened, all at once and before all others.
    """
    await lay_ground(owner)

    async def goods() -> None:
        await plant_goods(owner, skus=size.skus, suppliers=size.suppliers)

    async def tree() -> None:
        await plant_tree(owner, shops=size.shops, depth=size.depth, skus=size.skus)

    say(f"Data: {size.shops:,} shops, {size.skus:,} SKUs")
    await _once(owner, "goods", goods)
    await _once(owner, "tree", tree)
    market = await read_market(owner)
    if not await _done(owner, "stock"):
        if not await owner.fetchval("select exists (select from keys)"):
            await seal()
        await fill_pools(owner, market.skus, keys_each=size.keys_per_sku, say=say)
        await _note(owner, "stock")
    if not await _done(owner, "analysed"):
        say("Data: vacuum analyze")
        await vacuum_analyze(owner)
        await _note(owner, "analysed")
    return market


async def vacuum_analyze(owner: asyncpg.Connection) -> None:
    """Clean up, and tell the planner what there is, but not that a table is empty which the
    run will fill.

    It would believe it: a statement that is planned in the first seconds would read the whole
    table each time for as long as its plan is kept. Of a table that was never vacuumed the planner
    supposes that it has rows.
    """
    tables = await owner.fetch("select oid::regclass as name from pg_class where relkind = 'r'")
    for (name,) in tables:
        if await owner.fetchval(f"select exists (select from {name})"):
            await owner.execute(f"vacuum analyze {name}")


async def _once(owner: asyncpg.Connection, name: str, step: Callable[[], Awaitable[None]]) -> None:
    """Take a step and note it, in one transaction, unless it is noted already."""
    if await _done(owner, name):
        return
    async with owner.transaction():
        await step()
        await _note(owner, name)


async def _done(owner: asyncpg.Connection, name: str) -> bool:
    found: bool = await owner.fetchval(
        "select exists (select from bench.steps where name = $1)", name
    )
    return found


async def _note(owner: asyncpg.Connection, name: str) -> None:
    await owner.execute("insert into bench.steps values ($1)", name)
