"""A batch that failed an inspection is paid back to everybody who bought of it, once (E15)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from dispute_desk import bank_of
from earnings_books import days_pass, of_party
from orders import compensating
from orders.compensating import AlreadyCompensated, compensate_batch, compensate_next
from replacement_desk import DEPOSIT_MINOR, replace, second_supplier, sold
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines

SINCE = datetime.now(UTC) - timedelta(days=2)
PRICE_MINOR = 11_000


async def _begin(desk: SalesDesk, *, penalty_bp: int = 0, since: datetime = SINCE) -> UUID:
    batch_id = desk.world.batch_ids[desk.world.goods.listing_id]
    await compensate_batch(
        batch_id=batch_id, since=since, penalty_bp=penalty_bp, actor="operator:test"
    )
    return batch_id


async def _sold(desk: SalesDesk, *quantities: int) -> list[Purchase]:
    await desk.world.keys(sum(quantities))
    return [await (await desk.order(quantity)).paid() for quantity in quantities]


async def test_every_buyer_of_a_batch_is_paid_back_piece_by_piece_and_once(
    desk: SalesDesk,
) -> None:
    first, second, third = await _sold(desk, 1, 2, 1)
    await first.reveal()
    await second.give_back(1)
    await third.refund(4_000, "SHOP_FAULT")
    await days_pass(desk, 8)
    batch_id = await _begin(desk, penalty_bp=1_000)
    # One line at a time; each round goes on where the last one has ended, and the last finds none.
    assert [await compensate_next(1) for _ in range(5)] == [1, 1, 1, 0, 0]
    assert await _begin(desk, penalty_bp=1_000) == batch_id
    assert await compensate_next(1) == 0
    refunds = await desk.owner.fetch(
        "select order_id, amount_minor from refunds where reason = 'INSPECTION'"
    )
    assert {row["order_id"]: row["amount_minor"] for row in refunds} == {
        first.id: PRICE_MINOR,
        second.id: PRICE_MINOR,
        third.id: PRICE_MINOR - 4_000,
    }
    done = await compensating.compensation_of(batch_id)
    assert done is not None
    assert (done.refunds, done.refunded_minor) == (3, 2 * PRICE_MINOR + 7_000)
    assert done.ended_at is not None
    # Nothing of the three sales is left, and the supplier owes the fees and a tenth on top.
    assert await of_party(desk, desk.world.agent.id) == {}
    books = await desk.books()
    assert books["R:PENALTY"] == -2_900
    fees = {"owed": 2_900 + 66 + 66 + 42}
    assert await of_party(desk, desk.world.goods.supplier_id) == fees
    await desk.assert_sound()


async def test_who_bought_before_is_not_paid_back_and_terms_are_said_once(
    desk: SalesDesk,
) -> None:
    await _sold(desk, 1)
    before = await desk.books()
    later = datetime.now(UTC) - timedelta(seconds=1)
    await desk.owner.execute("update delivered_keys set delivered_at = now() - interval '1 hour'")
    await _begin(desk, since=later)
    assert await compensate_next(10) == 0
    with pytest.raises(AlreadyCompensated):
        await _begin(desk)
    assert await desk.books() == before
    await desk.assert_sound()


async def test_who_waits_for_a_bank_is_paid_back_after_it_has_decided(desk: SalesDesk) -> None:
    won, lost, other = await _sold(desk, 1, 1, 1)
    for purchase in (won, lost, other):
        await purchase.reveal()
    banks = [await bank_of(purchase) for purchase in (won, lost)]
    for bank in banks:
        await bank.opens()
    batch_id = await _begin(desk)
    assert [await compensate_next(5), await compensate_next(5)] == [3, 0]  # not again at once
    await banks[0].loses()
    await banks[1].wins()
    await desk.world.shift_clock("61 minutes")
    await compensate_next(5)
    refunds = await desk.owner.fetch("select order_id from refunds where reason = 'INSPECTION'")
    assert {row["order_id"] for row in refunds} == {won.id, other.id}
    done = await compensating.compensation_of(batch_id)
    assert done is not None
    assert done.ended_at is not None


async def test_a_penalty_is_of_whose_batch_it_was_and_not_of_whose_key_was_replaced(
    desk: SalesDesk,
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    await replace(purchase)
    await compensate_batch(
        batch_id=desk.world.batch_ids[other.listing_id],
        since=SINCE,
        penalty_bp=1_000,
        actor="operator:test",
    )
    await compensate_next(5)
    parties = ("A", desk.world.goods.supplier_id), ("B", other.supplier_id)
    books = await desk.books(*parties)
    assert books["R:PENALTY"] == -1_050
    assert books["L:DEPOSIT:FREE A"] == -DEPOSIT_MINOR
    assert books["A:RECV B"] == 1_050 + 63
    await desk.assert_sound()
