"""Nobody gives away what may not be paid out: gifts to buyers of one's own would be payouts."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from billing import accounts, ledger
from billing.ledger import Entry, credit, debit
from billing.payout_gate import InDebt, PayoutsStopped
from billing.payouts import stops
from billing.payouts.parties import PaidPartyKind, find_party
from kernel import db
from kernel.errors import Refusal
from promotions import budgets
from promotions.budgets import TopUp
from promotions.points import adjusting, programs
from promotions.points.adjusting import Adjustment
from promotions.points.arithmetic import PointsTerms
from promotions.vouchers import closing
from sales import SalesDesk, key
from voucher_desk import balance, made

pytestmark = pytest.mark.engines


async def _booked(shop_id: UUID, *entries: Entry) -> None:
    async with db.transaction(db.core_scope(shop_id)):
        await ledger.post(entries, kind="TEST", idempotency_key=key(), tenant_id=None)


async def _has(shop_id: UUID, account: ledger.Account, amount_minor: int) -> None:
    await _booked(shop_id, debit(accounts.bank("CNY"), amount_minor), credit(account, amount_minor))


async def _owes(shop_id: UUID, amount_minor: int) -> None:
    await _booked(
        shop_id,
        debit(accounts.receivable(shop_id, "CNY"), amount_minor),
        credit(accounts.bank("CNY"), amount_minor),
    )


async def _gifts(desk: SalesDesk) -> list[Callable[[], Awaitable[object]]]:
    """Every way in which a shop gives away what it has earned."""
    buyer = await desk.world.customer()
    await desk.world.keys(1)
    purchase = await (await desk.order(by=buyer)).paid()
    shop = await desk.shop()
    terms = PointsTerms(
        is_on=True, earn_bp=100, point_minor=1, lasts_days=30, most_bp=10_000, least_points=1
    )
    await programs.write_program(shop=shop, terms=terms)
    shop = await desk.shop()
    points = Adjustment(shop, buyer.id, 100, "sorry", "staff:test", key())
    budget = TopUp(shop.id, shop.id, 100, "CNY", from_earnings=True, idempotency_key=key())
    return [
        lambda: purchase.refund(100, "GOODWILL"),
        lambda: made(shop, funder="SHOP"),
        lambda: adjusting.adjust_points(points),
        lambda: budgets.top_up_budget(budget),
    ]


@pytest.mark.parametrize("why", [InDebt, PayoutsStopped])
async def test_who_is_paid_nothing_gives_nothing_away(desk: SalesDesk, why: type[Refusal]) -> None:
    gifts = await _gifts(desk)
    shop_id = desk.world.shop.id
    await _has(shop_id, accounts.party_available(shop_id, "CNY"), 9_000)
    if why is InDebt:
        await _owes(shop_id, 1)
    else:
        party = await find_party(PaidPartyKind.TENANT, shop_id)
        async with db.transaction(db.core_scope(shop_id)):
            await stops.stop_payouts(party, source="operator:x", reason="looked into")
    before = await desk.books()
    for gift in gifts:
        with pytest.raises(why):
            await gift()
    assert await desk.books() == before
    assert not await desk.owner.fetchval("select count(*) from voucher_batches")
    assert not await desk.owner.fetchval("select count(*) from refunds")
    assert not await desk.owner.fetchval("select count(*) from points_lots")


async def test_a_stop_of_everybodys_payouts_stops_no_gift(desk: SalesDesk) -> None:
    gifts = await _gifts(desk)
    shop_id = desk.world.shop.id
    await _has(shop_id, accounts.party_available(shop_id, "CNY"), 9_000)
    async with db.transaction(db.core_scope(shop_id)):
        await stops.stop_payouts(None, source="operator:all", reason="the bank is closed")
    for gift in gifts:
        await gift()


async def test_what_comes_back_of_vouchers_repays_a_debt_first(desk: SalesDesk) -> None:
    shop = await desk.shop()
    available = accounts.party_available(shop.id, "CNY")
    await _has(shop.id, available, 3_000)
    batch, _ = await made(shop, funder="SHOP")
    await _owes(shop.id, 1_200)
    await closing.void_batch(shop=shop, batch_id=batch.id, by_platform=False)
    assert await balance(available) == 1_800
    assert await balance(accounts.receivable(shop.id, "CNY")) == 0
