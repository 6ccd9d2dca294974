"""The platform dies while a plan begins and while it ends: each happens once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest

from billing import accounts
from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import INSTALMENTS, INSTALMENTS_OF_WORKER
from kernel.settings import Settings
from patience import until, until_true
from processes import Platform, Process
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]

_START: Final = """mutation ($input: InstalmentStartInput!) { instalmentStart(input: $input) {
  __typename ... on PaymentStarted { status } ... on Problem { code message field } } }"""


class PayerInParts(Buyer):
    """Who pays the first part from the wallet, asks until somebody answers, and never pays more."""

    async def begin(self, amount_minor: int) -> None:
        """Begin a plan of two parts; asking again with the same key begins no second one."""
        wish = {
            "orderNo": self.order_no,
            "parts": 2,
            "amount": {"amountMinor": amount_minor, "currency": "CNY"},
            "method": "WALLET",
            "idempotencyKey": self.key,
        }
        begun = await self._insist(_START, {"input": wish})
        assert begun == {"__typename": "PaymentStarted", "status": "SUCCEEDED"}, begun


async def test_a_plan_begins_once_and_is_ended_once_wherever_the_platform_dies(
    platform: Platform, world: World, config: Settings
) -> None:
    await world.owner.execute(
        """insert into instalment_terms
               (tenant_id, most_parts, first_bp, interval_days, grace_days, fee_bp, fee_by,
                least_minor, most_open, release, is_offered, set_by)
           values ($1, 2, 3000, 30, 7, 0, 'SHOP', 1000, 1, 'BY_SHARE', true, 'tests')""",
        world.shop.id,
    )
    free = await world.owner.fetchval("select count(*) from keys where status = 'AVAILABLE'")
    rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
    buyer = PayerInParts(platform, world.shop, world.goods, quantity=2, customer=rich)
    await buyer.order()
    async with dying(platform.api, INSTALMENTS):
        await buyer.begin(2 * PRICE_MINOR * 30 // 100)
    assert await plans(world) == ["OPEN"]
    async with dying(platform.worker, INSTALMENTS_OF_WORKER):
        await world.shift_clock("38 days")
        await until(lambda: plans(world), ["DEFAULTED"].__eq__)

    now_free = await world.owner.fetchval("select count(*) from keys where status = 'AVAILABLE'")
    assert now_free == free
    wallet = accounts.wallet(rich.id, "CNY")
    assert await world.owner.fetchval("select -ledger_balance($1)", wallet.id) == 2 * PRICE_MINOR
    assert await verify(config.database_url) == []


async def plans(world: World) -> list[str]:
    """The states of all plans."""
    return [row["state"] for row in await world.owner.fetch("select state from instalment_plans")]


@asynccontextmanager
async def dying(process: Process, points: Sequence[str]) -> AsyncIterator[None]:
    """The process dies at each of the points, the last time before the block is left."""
    process.kill()
    process.start(KAMENG_CRASH_AT=points[0])
    async with always_revived(process, crash_at=points[1:]) as deaths:
        yield
        await until_true(lambda: len(deaths) == len(points))
