"""The worker dies at every step of a statement: it is made once, and whole."""

import hashlib

import pytest

from entrypoints.verify import verify
from faults.lives import always_revived
from faults.test_crash_points import STATEMENTS
from kernel.settings import Settings
from patience import until
from processes import Platform
from world import World


@pytest.mark.engines
@pytest.mark.sweep
async def test_a_statement_whose_workers_die_at_every_step_is_made_once(
    platform: Platform, world: World, config: Settings
) -> None:
    platform.worker.kill()
    platform.worker.start(KAMENG_CRASH_AT=STATEMENTS[0])
    await world.owner.execute(
        """insert into statement_files (tenant_id, id, party_kind, party_id, currency, since, until,
                                        utc_offset_minutes, format, english, asked_by)
           values ($1, gen_random_uuid(), 'TENANT', $1, 'CNY', '2026-01-01', '2026-02-01', 0, 'CSV',
                   false, 'staff:test')""",
        world.shop.id,
    )
    async with always_revived(platform.worker, crash_at=STATEMENTS[1:]) as deaths:

        async def died() -> int:
            # A dead worker's hold ends when it has lasted too long.
            await world.shift_clock(f"{3 * len(deaths)} minutes")
            return len(deaths)

        await until(died, lambda number: number == len(STATEMENTS))

    file = await world.owner.fetchrow("select * from statement_files")
    pieces = await world.owner.fetch("select attempt, content from statement_chunks")
    assert (file["state"], [row["attempt"] for row in pieces]) == ("DONE", [file["attempt"]])
    assert hashlib.sha256(pieces[0]["content"]).digest() == file["sha256"]
    assert await verify(config.database_url) == []
