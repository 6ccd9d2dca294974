"""What was earned becomes available in its time, once, and a debt is repaid by it first."""

import asyncio
from uuid import UUID

import pytest

from billing import accounts, ledger
from earnings_books import FEE_MINOR, days_pass, held_by, of_party, released, sold, sweep
from entrypoints import sweeps
from kernel import db
from kernel.ids import new_id
from orders.earnings import noting
from patience import until
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def test_each_share_matures_at_its_own_time_and_once(desk: SalesDesk) -> None:
    star = await desk.world.affiliate("star", rate_bp=300)
    world = desk.world
    await world.keys(1)
    await (await desk.order(affiliate_code="star")).paid()
    await days_pass(desk, 6.9)
    shop = 2_000 - 330 - FEE_MINOR
    assert await of_party(desk, world.shop.id) == {"pending": shop}
    await days_pass(desk, 7.1)
    assert await of_party(desk, world.goods.supplier_id) == {"available": 7_600}
    assert await of_party(desk, world.agent.id) == {"available": 500}
    assert await of_party(desk, world.shop.id) == {"available": shop}
    assert await of_party(desk, star.id) == {"pending": 330}
    await days_pass(desk, 28.9)
    assert await of_party(desk, star.id) == {"pending": 330}
    await days_pass(desk, 29.1)
    assert await of_party(desk, star.id) == {"available": 330}
    postings = await desk.owner.fetchval("select count(*) from ledger_transactions")
    await sweep()
    assert await desk.owner.fetchval("select count(*) from ledger_transactions") == postings
    # Each cent that became available names its share and the posting that moved it.
    linked = await desk.owner.fetch(
        """select matured_minor from earnings join ledger_transactions posted
               on posted.id = matured_by where kind = 'E6_MATURITY' order by 1"""
    )
    assert [row["matured_minor"] for row in linked] == [330, 500, shop, 7_600]
    await desk.assert_sound()


async def test_a_share_that_matures_repays_a_debt_first_and_the_rest_is_available(
    desk: SalesDesk,
) -> None:
    shop_id = desk.world.shop.id
    first = await sold(desk)
    await days_pass(desk, 8)
    async with db.transaction(db.core_scope()):  # all of it was paid out
        paid_out = accounts.party_available(shop_id, "CNY")
        await ledger.post(
            [
                ledger.debit(paid_out, 2_000 - FEE_MINOR),
                ledger.credit(accounts.bank("CNY"), 2_000 - FEE_MINOR),
            ],
            kind="PAID_OUT",
            idempotency_key=str(new_id()),
            tenant_id=None,
        )
    await first.refund(11_000, "SHOP_FAULT")
    assert await of_party(desk, shop_id) == {"owed": 2_000}
    await sold(desk)
    await sold(desk)
    await days_pass(desk, 20)
    assert await of_party(desk, shop_id) == {"available": 2 * (2_000 - FEE_MINOR) - 2_000}
    await desk.assert_sound()


async def test_what_was_drawn_ahead_is_made_good_by_what_matures_first(desk: SalesDesk) -> None:
    shop_id = desk.world.shop.id
    first, _ = await sold(desk), await sold(desk)
    await first.refund(11_000, "SHOP_FAULT")
    # Its own share had paid the channel's fee: that much of the refund came from the other's.
    assert await of_party(desk, shop_id) == {"pending": 2_000 - 2 * FEE_MINOR}
    assert await desk.owner.fetchval("select sum(ahead_minor) from earnings_ahead") == FEE_MINOR
    await desk.assert_sound()
    await days_pass(desk, 8)
    assert await of_party(desk, shop_id) == {"available": 2_000 - 2 * FEE_MINOR}
    assert await desk.owner.fetchval("select sum(ahead_minor) from earnings_ahead") == 0
    await desk.assert_sound()


async def test_a_shop_whose_payouts_are_frozen_keeps_its_earnings_pending(
    desk: SalesDesk,
) -> None:
    await sold(desk)
    await desk.owner.execute(
        "update tenants set status = 'RESTRICTED', payouts_frozen = true where id = $1",
        desk.world.shop.id,
    )
    await days_pass(desk, 8)
    assert await of_party(desk, desk.world.shop.id) == {"pending": 2_000 - FEE_MINOR}
    assert await of_party(desk, desk.world.goods.supplier_id) == {"pending": 7_600}
    await desk.owner.execute(
        "update tenants set status = 'ACTIVE', payouts_frozen = false where id = $1",
        desk.world.shop.id,
    )
    await days_pass(desk, 8.1)
    assert await of_party(desk, desk.world.shop.id) == {"available": 2_000 - FEE_MINOR}
    await desk.assert_sound()


async def test_two_workers_share_the_work(desk: SalesDesk) -> None:
    await sold(desk)
    await sold(desk)
    noted = await asyncio.gather(sweeps.note_earnings(), sweeps.note_earnings())
    assert sum(noted) == 6
    await desk.world.shift_clock("8 days")
    await asyncio.gather(sweeps.mature_earnings(), sweeps.mature_earnings())
    await sweep()
    assert await of_party(desk, desk.world.agent.id) == {"available": 1_000}
    await desk.assert_sound()


async def test_the_mark_waits_for_whoever_may_still_write_below_it(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "NOT_SETTLED_SECONDS", -60)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def writes_slowly() -> None:
        async with db.transaction(db.core_scope(desk.world.shop.id)):
            await db.execute("select pg_current_xact_id()")
            started.set()
            await go_on.wait()

    async def mark() -> UUID:
        for _ in range(3):
            await sweeps.note_earnings()
        after_id: UUID = await desk.owner.fetchval("select after_id from earnings_mark")
        return after_id

    await sold(desk)
    await desk.owner.execute("delete from earnings_mark")
    slow = asyncio.create_task(writes_slowly())
    await started.wait()
    assert await mark() == UUID(int=0)
    go_on.set()
    await slow
    newest = await desk.owner.fetchval("select max(id::text)::uuid from ledger_transactions")
    await until(mark, lambda after_id: after_id > newest)  # others may write on this server
    await desk.assert_sound()


async def test_a_case_stops_its_line_and_what_was_held_matures_after_it(desk: SalesDesk) -> None:
    purchase, other = await sold(desk), await sold(desk)
    case_id = await held_by(purchase)
    again = await held_by(other, line_id=(await other.line()).id)
    assert await released(other.shop.id, again) == 7_600 + 500 + 2_000 - FEE_MINOR
    await days_pass(desk, 8)
    assert await of_party(desk, desk.world.agent.id) == {"held": 500, "available": 500}
    await desk.assert_sound()
    await released(purchase.shop.id, case_id)
    assert await of_party(desk, desk.world.agent.id) == {"pending": 500, "available": 500}
    await sweep()
    assert await of_party(desk, desk.world.agent.id) == {"available": 1_000}
    await desk.assert_sound()
