"""Hundreds ask for imports of one shop at once: one is under way, whoever else asked."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers.price_desk.price_lists import imports
from offers.price_desk.price_lists.imports import PriceImport
from offers.price_desk.price_lists.progress import Progress
from price_list_desk import a_csv, upload, work_off
from races.crowd import all_at_once
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

CALLERS = 200
_UNDER_WAY = "select count(*) from price_imports where ended_at is null"


async def _lists(shop: Shop, world: World) -> list[bytes]:
    return [a_csv(f"{world.goods.slug},,,ABSOLUTE,{price},,") for price in ("123.40", "123.50")]


async def test_of_two_lists_one_is_imported_and_the_other_is_refused(
    shop: Shop, world: World, database: Settings
) -> None:
    uploads = [await upload(shop, content) for content in await _lists(shop, world)]
    outcome = await all_at_once(
        imports.start_import(shop, uploads[number % 2], dry_run=False) for number in range(CALLERS)
    )
    assert outcome.errors == []
    assert len({one.id for one in outcome.done}) == 1
    assert (len(outcome.done), outcome.refused) == (
        CALLERS // 2, {"IMPORT_UNDER_WAY": CALLERS // 2},
    )  # fmt: skip
    assert await world.owner.fetchval(_UNDER_WAY) == 1
    await all_at_once(work_off() for _ in range(4))  # as many workers
    assert (await imports.price_import(shop, outcome.done[0].id)).written
    prices = await world.owner.fetch("select value from price_rules where scope = 'SKU'")
    assert [row["value"] in (12_340, 12_350) for row in prices] == [True]
    assert await world.owner.fetchval("select count(*) from price_files") == 1


async def _start_as_one_sees_it(
    shop: Shop, upload_id: UUID, have_looked: asyncio.Barrier
) -> PriceImport:
    """Look whether one is under way, then begin: what two can do at the same time."""
    import_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        if await db.fetch_value(_UNDER_WAY):
            raise imports.ImportUnderWay("Another price list is being imported: wait for it.")
        await have_looked.wait()
        await db.execute(
            "insert into price_imports (tenant_id, id, file_id, dry_run) values ($1, $2, $3, true)",
            shop.id,
            import_id,
            upload_id,
        )
    return PriceImport(import_id, True, "WAITING", Progress())


async def test_who_only_looks_whether_one_is_under_way_begins_several(
    shop: Shop, world: World, database: Settings, owner: asyncpg.Connection
) -> None:
    await owner.execute("drop index price_imports_under_way")
    upload_id = await upload(shop, (await _lists(shop, world))[0])
    have_looked = asyncio.Barrier(2)
    await all_at_once(_start_as_one_sees_it(shop, upload_id, have_looked) for _ in range(2))
    assert await world.owner.fetchval(_UNDER_WAY) == 2
