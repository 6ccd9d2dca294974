"""Whole orders given back in one request, and money that goes to the wallet instead."""

import pytest

from earnings_books import of_party
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers.quotes import Wish
from orders import refunds
from orders.idempotency import IdempotencyConflict
from orders.refunds import Destination, LineRefund, Reason
from orders.split import RefundTooLarge
from sales import Purchase, SalesDesk, key

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000


async def _two_lines(desk: SalesDesk, method: str = "CARD", wallet_minor: int = 0) -> Purchase:
    """Two keys of one kind and one of another, bought by a customer."""
    world = desk.world
    other = await world.more_goods("other")
    await world.keys(2)
    await world.keys(1, other)
    buyer = await world.customer(wallet_minor=wallet_minor)
    wishes = [Wish(world.goods.sku_id, 2), Wish(other.sku_id, 1)]
    return await (await desk.order(wishes=wishes, by=buyer)).paid(method, wallet_minor=wallet_minor)


async def _refund(
    purchase: Purchase,
    wishes: list[LineRefund] | Reason,
    *,
    destination: Destination = "CHANNEL",
    idempotency_key: str | None = None,
) -> None:
    await refunds.refund_order(
        shop=purchase.shop,
        actor="staff:test",
        order_no=purchase.no,
        wishes=wishes,
        destination=destination,
        idempotency_key=idempotency_key or key(),
    )


async def _written(desk: SalesDesk) -> list[tuple[str, int, int, int]]:
    rows = await desk.owner.fetch(
        """select reason, amount_minor::bigint, wallet_minor::bigint, channel_minor::bigint
           from refunds order by sequence"""
    )
    return [tuple(row) for row in rows]


async def test_a_whole_order_goes_back_in_one_request_and_once(desk: SalesDesk) -> None:
    purchase = await _two_lines(desk)
    request = key()
    await _refund(purchase, "CHANGE_OF_MIND", idempotency_key=request)
    await _refund(purchase, "CHANGE_OF_MIND", idempotency_key=request)
    assert sorted(amount for _, amount, *_ in await _written(desk)) == [11_000, 22_000]
    await desk.send_refunds()
    assert await purchase.status() == "REFUNDED"
    assert await desk.key_states() == {"AVAILABLE": 3}
    with pytest.raises(IdempotencyConflict):
        await _refund(purchase, "SHOP_FAULT", idempotency_key=request)
    with pytest.raises(RefundTooLarge):
        await _refund(purchase, "SHOP_FAULT")
    assert len(await _written(desk)) == 2
    await desk.assert_sound()


async def test_each_line_has_its_own_reason_and_one_that_is_refused_refuses_all(
    desk: SalesDesk,
) -> None:
    purchase = await _two_lines(desk)
    first, second = await purchase.lines()
    before = await desk.books()
    await purchase.reveal((await purchase.unopened())[:1])
    wrong: list[tuple[list[LineRefund], type[Exception]]] = [
        ([], Invalid),
        ([LineRefund(first.id, 1, "GOODWILL")] * 2, Invalid),
        ([LineRefund(first.id, 0, "GOODWILL")], Invalid),
        ([LineRefund(first.id, 5, "GOODWILL"), LineRefund(new_id(), 5, "GOODWILL")], NotFound),
        (
            [
                LineRefund(first.id, None, "SUPPLIER_FAULT"),
                LineRefund(second.id, second.paid_minor + 1, "SHOP_FAULT"),
            ],
            RefundTooLarge,
        ),
    ]
    for wishes, refusal in wrong:
        with pytest.raises(refusal):
            await _refund(purchase, wishes)
    assert (await _written(desk), await desk.books()) == ([], before)
    await _refund(
        purchase,
        [LineRefund(first.id, None, "SUPPLIER_FAULT"), LineRefund(second.id, 1_000, "SHOP_FAULT")],
    )
    assert {(reason, amount) for reason, amount, *_ in await _written(desk)} == {
        ("SUPPLIER_FAULT", first.paid_minor),
        ("SHOP_FAULT", 1_000),
    }
    await desk.assert_sound()


async def test_a_customer_may_have_the_money_in_the_wallet_and_never_more_than_was_paid(
    desk: SalesDesk,
) -> None:
    purchase = await _two_lines(desk, wallet_minor=3_000)
    first, second = await purchase.lines()
    await _refund(purchase, [LineRefund(first.id, None, "SHOP_FAULT")], destination="WALLET")
    assert purchase.viewer.customer_id is not None
    books = await desk.books(("buyer", purchase.viewer.customer_id))
    assert books["L:WALLET buyer"] == -first.paid_minor
    assert "L:REFUND_DUE" not in books, "it is there at once, and no channel is asked"
    await _refund(purchase, [LineRefund(second.id, None, "SHOP_FAULT")])
    assert await _written(desk) == [
        ("SHOP_FAULT", first.paid_minor, first.paid_minor, 0),
        ("SHOP_FAULT", second.paid_minor, 0, second.paid_minor),
    ]
    with pytest.raises(RefundTooLarge):
        await purchase.refund(1, line_id=first.id)
    await desk.send_refunds()
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_a_returned_key_brings_its_money_to_the_wallet_and_a_guest_has_none(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    guests = await (await desk.order()).paid()
    before = await desk.books()
    with pytest.raises(Invalid) as refused:
        await guests.give_back(destination="WALLET")
    assert (refused.value.field, await _written(desk)) == ("destination", [])
    assert await desk.books() == before
    await guests.give_back()
    buyer = await desk.world.customer()
    purchase = await (await desk.order(by=buyer)).paid()
    await purchase.give_back(destination="WALLET")
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -PRICE_MINOR
    assert await of_party(desk, desk.world.agent.id) == {}
    await desk.assert_sound()
