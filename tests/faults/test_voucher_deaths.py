"""Who dies while a code is redeemed or a batch ends leaves it done once, or not at all."""

import pytest

from entrypoints.verify import verify
from kernel.settings import Settings
from promotions.vouchers import closing, redeeming
from tenants.directory import shop_by_id
from voucher_desk import balance, made
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]


class Died(BaseException):
    """Nothing after it runs."""


async def test_a_death_at_any_step_pays_a_code_once(
    database: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    buyer = await world.customer()
    batch, codes = await made(shop)

    for point, left_minor in (("voucher.taken", 3_000), ("voucher.committed", 2_000)):

        def die_at(passed: str, point: str = point) -> None:
            if passed == point:
                raise Died(point)

        with monkeypatch.context() as dying:
            dying.setattr(redeeming, "crash_point", die_at)
            dying.setattr(closing, "crash_point", die_at)
            with pytest.raises(Died):
                await redeeming.redeem(
                    shop=shop, customer_id=buyer.id, code=codes[0], ip="192.0.2.1"
                )
        assert await balance(batch.account) == left_minor
    done = await redeeming.redeem(shop=shop, customer_id=buyer.id, code=codes[0], ip="192.0.2.1")
    assert (done.amount_minor, await balance(batch.account)) == (1_000, 2_000)

    def die(point: str) -> None:
        raise Died(point)

    with monkeypatch.context() as dying:
        dying.setattr(closing, "crash_point", die)
        with pytest.raises(Died):
            await closing.void_batch(shop=shop, batch_id=batch.id, by_platform=True)
    assert await balance(batch.account) == 2_000
    await closing.void_batch(shop=shop, batch_id=batch.id, by_platform=True)
    assert await balance(batch.account) == 0
    assert await verify(database.database_url) == []
