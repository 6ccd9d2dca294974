"""The worker dies at every step of an import of prices: it is written once, and whole."""

import pytest

from entrypoints.verify import verify
from faults.lives import always_revived
from faults.test_crash_points import PRICE_IMPORTS
from kernel.settings import Settings
from many_goods import plant_many
from patience import until
from price_list_desk import a_csv
from processes import Platform
from world import World


@pytest.mark.engines
@pytest.mark.sweep
async def test_a_price_list_whose_workers_die_at_every_step_is_imported_once(
    platform: Platform, world: World, config: Settings
) -> None:
    codes = await plant_many(world, 3)
    content = a_csv(*[f"{code},no,,ABSOLUTE,123.40,," for code in codes])
    platform.worker.kill()
    platform.worker.start(KAMENG_CRASH_AT=PRICE_IMPORTS[0])
    await world.owner.execute(
        """with sent as (
               insert into price_files (tenant_id, id, format, content)
               values ($1, gen_random_uuid(), 'CSV', $2) returning id
           )
           insert into price_imports (tenant_id, id, file_id, dry_run)
           select $1, gen_random_uuid(), id, false from sent""",
        world.shop.id,
        content,
    )
    async with always_revived(platform.worker, crash_at=PRICE_IMPORTS[1:]) as deaths:

        async def died() -> int:
            # A dead worker's turn ends when it has lasted too long.
            await world.shift_clock(f"{2 * len(deaths)} minutes")
            return len(deaths)

        await until(died, lambda number: number == len(PRICE_IMPORTS))

    assert await world.owner.fetchval("select state from price_imports") == "DONE"
    prices = await world.owner.fetch("select value from price_rules where scope = 'SKU'")
    assert [row["value"] for row in prices] == [12_340] * len(codes)
    hidden = "select count(*) from tenant_listings where not visible"
    assert await world.owner.fetchval(hidden) == len(codes)
    assert await world.owner.fetchval("select count(*) from price_files") == 0
    assert await verify(config.database_url) == []
