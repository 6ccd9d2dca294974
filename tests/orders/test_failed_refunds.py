"""What a channel refuses to give back is given otherwise: once, and to whom it is owed."""

from typing import Any

import pytest

from dispute_desk import bank_of
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from orders import failed_refunds
from orders.bank import giving_back
from orders.disputed import OrderDisputed
from sales import Purchase, SalesDesk
from world import Person

pytestmark = pytest.mark.engines
PRICE_MINOR = 11_000


async def _refused(desk: SalesDesk, *, by: Person | None = None) -> tuple[Purchase, Any]:
    """A key was returned, and the channel does not give its money back."""
    await desk.world.keys(1)
    purchase = await (await desk.order(by=by)).paid()
    await purchase.give_back()
    await desk.send_refunds("REFUSED")
    assert await purchase.status() == "REFUNDING"
    page = await failed_refunds.failed_page(first=1, after=None)
    (refund,) = page.rows
    assert (refund.order_no, refund.owed_minor) == (purchase.no, PRICE_MINOR)
    return purchase, refund.id


async def _settled(refund_id: Any, *, to_wallet: bool) -> None:
    await giving_back.settle_refund(
        bank_refund_id=refund_id, to_wallet=to_wallet, actor="operator:test"
    )


async def test_it_goes_into_the_wallet_once_and_the_order_is_done_with_it(desk: SalesDesk) -> None:
    buyer = await desk.world.customer()
    purchase, refund_id = await _refused(desk, by=buyer)
    for _ in range(2):
        await _settled(refund_id, to_wallet=True)
    with pytest.raises(Invalid):
        await _settled(refund_id, to_wallet=False)
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -PRICE_MINOR
    assert "L:REFUND_DUE" not in books
    assert await purchase.status() == "REFUNDED"
    assert (await failed_refunds.failed_page(first=1, after=None)).rows == ()
    await desk.assert_sound()
    # And a bank that takes the payment back as well finds it there.
    bank = await bank_of(purchase)
    await bank.opens()
    assert "L:WALLET buyer" not in await desk.books(("buyer", buyer.id))
    await desk.assert_sound()


async def test_a_guest_has_it_by_bank_and_nobody_what_a_bank_decides_about(desk: SalesDesk) -> None:
    purchase, refund_id = await _refused(desk)
    with pytest.raises(NotFound):
        await _settled(new_id(), to_wallet=False)
    with pytest.raises(Invalid):
        await _settled(refund_id, to_wallet=True)
    bank = await bank_of(purchase)
    await bank.opens()
    with pytest.raises(OrderDisputed):
        await _settled(refund_id, to_wallet=False)
    await bank.loses()
    await desk.send_refunds("REFUSED")
    await _settled(refund_id, to_wallet=False)
    books = await desk.books()
    assert (books["A:BANK"], "L:REFUND_DUE" in books) == (-PRICE_MINOR, False)
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()
