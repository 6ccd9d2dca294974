"""Orders that end unpaid give back what they held, at once and once."""

import pytest

from kernel.errors import Invalid, NotFound
from orders import expiry
from orders.records import Viewer
from sales import Purchase, SalesDesk, provider_ref

pytestmark = pytest.mark.engines


async def test_an_order_expires_when_its_time_is_over_and_not_a_moment_before(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    purchase, paid = await desk.order(), await (await desk.order()).paid()
    payment_id = await purchase.start()
    await desk.world.shift_clock("14 minutes 30 seconds")
    await desk.sweep()
    assert await purchase.status() == "PENDING_PAYMENT"
    await desk.world.shift_clock("15 minutes 1 second")
    await desk.sweep()
    assert (await purchase.status(), await paid.status()) == ("EXPIRED", "DELIVERED")
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 1}
    assert desk.channels["CARD"].canceled == [provider_ref(payment_id)]
    await desk.assert_sound()


async def test_expiring_an_order_that_is_not_due_any_more_changes_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    await desk.world.shift_clock("16 minutes")
    (due,) = await expiry.due_orders(10)
    assert (due.tenant_id, due.id) == (desk.world.shop.id, purchase.id)
    assert await expiry.due_orders(10, after=(due.expires_at, due.id)) == []
    # Between the look and the deed the money came.
    await desk.world.shift_clock("14 minutes")
    await purchase.paid()
    await desk.world.shift_clock("16 minutes")
    assert await expiry.expire_order(due.tenant_id, due.id) == []
    assert await purchase.status() == "DELIVERED"
    await desk.assert_sound()


async def test_a_canceled_order_frees_its_keys_and_canceling_again_changes_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    purchase = await desk.order(2)
    await purchase.cancel()
    await purchase.cancel()
    assert await purchase.status() == "CANCELED"
    assert await desk.key_states() == {"AVAILABLE": 2}
    version = await desk.owner.fetchval("select version from orders")
    assert version == 2
    await desk.assert_sound()


async def test_an_order_is_canceled_by_its_buyer_only_and_not_when_it_is_paid(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    purchase, paid = await desk.order(), await (await desk.order()).paid()
    stranger = Purchase(desk, purchase.shop, Viewer(), purchase.id, purchase.no, 0)
    with pytest.raises(NotFound):
        await stranger.cancel()
    with pytest.raises(Invalid, match="paid"):
        await paid.cancel()
    assert await desk.key_states() == {"HELD": 1, "SOLD": 1}
