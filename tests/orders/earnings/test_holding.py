"""An open case holds what its line has earned, once, and refunds draw on what is held."""

import pytest

from billing import accounts, ledger
from earnings_books import FEE_MINOR, days_pass, held_by, of_party, released, sold
from kernel import db
from kernel.errors import NotFound
from kernel.ids import new_id
from orders.earnings import holding
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def _postings(desk: SalesDesk) -> int:
    count: int = await desk.owner.fetchval("select count(*) from ledger_transactions")
    return count


async def test_a_case_holds_once_and_releases_once(desk: SalesDesk) -> None:
    purchase = await sold(desk)
    before = await desk.books()
    case_id = await held_by(purchase)
    assert await of_party(desk, desk.world.goods.supplier_id) == {"held": 7_600}
    postings = await _postings(desk)
    await held_by(purchase, case_id)
    assert await _postings(desk) == postings
    assert await released(purchase.shop.id, case_id) == 10_100 - FEE_MINOR
    assert await desk.books() == before
    assert (
        await released(purchase.shop.id, case_id),
        await released(purchase.shop.id, new_id()),
    ) == (0, 0)
    await held_by(purchase, case_id)  # it was released: a late repetition holds nothing
    assert await desk.books() == before
    await desk.assert_sound()


async def test_what_two_cases_hold_is_free_when_the_last_of_them_ends(desk: SalesDesk) -> None:
    purchase = await sold(desk)
    first, second = (
        await held_by(purchase),
        await held_by(purchase, line_id=(await purchase.line()).id),
    )
    assert await released(purchase.shop.id, first) == 0
    await days_pass(desk, 8)
    assert await of_party(desk, desk.world.agent.id) == {"held": 500}
    assert await released(purchase.shop.id, second) == 10_100 - FEE_MINOR
    await desk.assert_sound()


async def test_what_has_matured_is_held_as_far_as_it_is_there_and_goes_back_available(
    desk: SalesDesk,
) -> None:
    purchase = await sold(desk)
    await days_pass(desk, 8)
    agent_id = desk.world.agent.id
    async with db.transaction(db.core_scope()):
        await ledger.post(
            [
                ledger.debit(accounts.party_available(agent_id, "CNY"), 300),
                ledger.credit(accounts.bank("CNY"), 300),
            ],
            kind="PAID_OUT",
            idempotency_key=str(new_id()),
            tenant_id=None,
        )
    case_id = await held_by(purchase)
    assert await of_party(desk, agent_id) == {"held": 200}
    assert await of_party(desk, desk.world.shop.id) == {"held": 2_000 - FEE_MINOR}
    await released(purchase.shop.id, case_id)
    assert await of_party(desk, agent_id) == {"available": 200}
    await desk.assert_sound()


async def test_a_refund_takes_what_is_held_first_and_a_debt_is_repaid_by_what_is_released(
    desk: SalesDesk,
) -> None:
    purchase, other = await sold(desk), await sold(desk)
    await days_pass(desk, 8)
    case_id = await held_by(purchase)
    await purchase.refund(5_500, "SHOP_FAULT")
    assert await of_party(desk, desk.world.agent.id) == {"held": 250, "available": 500}
    async with db.transaction(db.core_scope()):
        agent_id = desk.world.agent.id
        await ledger.post(
            [
                ledger.debit(accounts.receivable(agent_id, "CNY"), 100),
                ledger.credit(accounts.bank("CNY"), 100),
            ],
            kind="LENT",
            idempotency_key=str(new_id()),
            tenant_id=None,
        )
    await released(purchase.shop.id, case_id)
    assert await of_party(desk, desk.world.agent.id) == {"available": 650}
    await desk.assert_sound()
    held = await held_by(other)
    await other.refund(11_000, "SHOP_FAULT")
    assert await of_party(desk, desk.world.goods.supplier_id) == {"available": 3_800}
    assert await released(other.shop.id, held) == 0
    await desk.assert_sound()


async def test_an_unknown_line_is_not_held_and_nothing_is_written(desk: SalesDesk) -> None:
    purchase = await sold(desk)
    before = await _postings(desk)
    for order_id, line_id in ((purchase.id, new_id()), (new_id(), None)):
        with pytest.raises(NotFound):
            async with db.transaction(db.core_scope(purchase.shop.id)):
                await holding.hold(order_id, line_id, new_id(), "dispute")
    assert await _postings(desk) == before
    assert await desk.owner.fetchval("select count(*) from earning_holds") == 0
