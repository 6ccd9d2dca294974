"""The worker dies while it notes what was earned, while it lets it mature, and while it gives it
back to the buyers of a batch: all is done once."""

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import EARNINGS
from kernel.settings import Settings
from patience import until, until_true
from processes import Platform
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]


async def test_earnings_mature_once_where_the_worker_dies_at_every_step(
    platform: Platform, world: World, config: Settings
) -> None:
    rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
    platform.worker.kill()
    for _ in range(2):
        await Buyer(platform, world.shop, world.goods, customer=rich).buy_from_wallet()
    await world.shift_clock("8 days")

    async def matured() -> bool:
        pending: int = await world.owner.fetchval(
            "select 6 - count(*) from earnings where matured_at is not null"
        )
        return pending == 0

    async def compensated() -> bool:
        ended: bool = await world.owner.fetchval(
            "select bool_and(ended_at is not null) from batch_compensations"
        )
        return ended

    platform.worker.start(KAMENG_CRASH_AT=EARNINGS[0])
    async with always_revived(platform.worker, crash_at=EARNINGS[1:]) as deaths:
        await until(matured)
        await until_true(lambda: len(deaths) == len(EARNINGS) - 1)
        await world.owner.execute(
            """insert into batch_compensations (batch_id, since, penalty_bp, started_by)
               select batch.id, now() - interval '1 hour', 1000, 'operator'
               from key_batches batch"""
        )
        await until_true(lambda: len(deaths) == len(EARNINGS))
        await until(compensated)

    assert deaths == [platform.worker.name] * len(EARNINGS)
    refunds = await world.owner.fetch("select reason, amount_minor from refunds")
    assert [tuple(row) for row in refunds] == [("INSPECTION", PRICE_MINOR)] * 2
    left = await world.owner.fetch(
        """select account.code, sum(entry.amount_minor)::bigint as minor
           from ledger_entries entry join ledger_accounts account on account.id = entry.account_id
           where account.code like 'L:PARTY:%' or account.code in ('R:PENALTY', 'A:RECV')
           group by account.code having sum(entry.amount_minor) <> 0 order by 1"""
    )
    # All that had matured was taken back, and a tenth on top from the supplier, who has no more.
    assert [tuple(row) for row in left] == [("A:RECV", 2_200), ("R:PENALTY", -2_200)]
    assert await verify(config.database_url) == []
