"""The sweep over unpaid orders: one that cannot be expired stops nobody."""

from uuid import UUID

import pytest

from billing.payments import Payment
from orders import expiry
from sales import SalesDesk, provider_ref

pytestmark = pytest.mark.engines


async def test_an_order_that_cannot_be_expired_stops_no_other_and_is_expired_when_it_can(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(3)
    bad, *good = [await desk.order() for _ in range(3)]
    payment_ids = [await purchase.start() for purchase in good]
    await desk.world.shift_clock("16 minutes")
    expire = expiry.expire_order

    async def stumble(tenant_id: UUID, order_id: UUID) -> list[Payment]:
        if order_id == bad.id:
            raise RuntimeError("a row that nobody has thought of")
        return await expire(tenant_id, order_id)

    with monkeypatch.context() as patch:
        patch.setattr(expiry, "expire_order", stumble)
        await desk.sweep()
    assert [await purchase.status() for purchase in good] == ["EXPIRED", "EXPIRED"]
    assert await bad.status() == "PENDING_PAYMENT"
    assert await desk.key_states() == {"AVAILABLE": 2, "HELD": 1}
    assert sorted(desk.channels["CARD"].canceled) == sorted(map(provider_ref, payment_ids))

    await desk.sweep()
    assert await bad.status() == "EXPIRED"
    assert await desk.key_states() == {"AVAILABLE": 3}
    await desk.assert_sound()
