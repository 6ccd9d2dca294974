"""The worker or an operator's request dies at a step of money by bank: it is done once after."""

import pytest

from bank_desk import OPERATOR, Bank, platform_has_an_account
from billing.bank import importing
from entrypoints.verify import verify
from kernel.settings import Settings
from orders import topping_up
from orders.bank import giving_back, matching
from sales import key
from tenants.directory import shop_by_id
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]


class Died(BaseException):
    """Nothing after it runs."""


def die_at(point: str) -> None:
    """Stand in for `crash_point`."""
    raise Died(point)


async def test_whoever_dies_at_any_step_leaves_it_done_once(
    database: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    buyer = await world.customer()
    bank = Bank(world.owner)
    with platform_has_an_account():
        started = await topping_up.top_up(
            shop=shop,
            customer_id=buyer.id,
            amount_minor=5_000,
            method="BANK_TRANSFER",
            return_url="",
            idempotency_key=key(),
        )
    assert started.transfer is not None
    named, unnamed = bank.comes("50.00", started.transfer.reference), bank.comes("7.00")

    with monkeypatch.context() as dying:
        dying.setattr(importing, "crash_point", die_at)
        with pytest.raises(Died):
            await bank.imported()
    await world.shift_clock("3 minutes")  # the dead worker's claim ends
    assert await importing.import_statements() == 1
    with monkeypatch.context() as dying:
        dying.setattr(matching, "crash_point", die_at)
        with pytest.raises(Died):
            await matching.match_new_lines()
    await matching.match_new_lines()
    assert (await bank.state(named), await bank.state(unnamed)) == ("MATCHED", "WAITING")
    assert await bank.status_of(started.payment_id) == "SUCCEEDED"

    await giving_back.return_line(line_id=await bank.line_id(unnamed), actor=OPERATOR)
    (owed,) = await bank.owed()
    with monkeypatch.context() as dying:
        dying.setattr(giving_back, "crash_point", die_at)
        with pytest.raises(Died):
            await giving_back.settle_refund(bank_refund_id=owed, to_wallet=False, actor=OPERATOR)
    assert await bank.owed() == [owed]
    await giving_back.settle_refund(bank_refund_id=owed, to_wallet=False, actor=OPERATOR)
    assert await bank.owed() == []
    assert await verify(database.database_url) == []
