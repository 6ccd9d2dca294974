"""Orders that end unpaid: by the clock, or because the buyer says so."""

from typing import Literal
from uuid import UUID

from billing import payments
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from orders import channel_calls, news, records
from orders.records import Order, Viewer
from supply import pool
from tenants.directory import Shop


async def cancel_order(*, shop: Shop, viewer: Viewer, order_no: str) -> UUID:
    """Cancel an unpaid order and free its keys; a second call changes nothing.

    Raises `Invalid` when the order is paid. Returns the order's id.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        if order.payment_status == "PAID":
            raise Invalid("This order is paid: ask for a refund instead.", field="orderNo")
        ended = []
        if order.payment_status == "PENDING":
            ended = await _end_unpaid(order, status="CANCELED")
    await channel_calls.cancel_all(ended)
    await news.order_changed(shop.id, order.id)
    return order.id


async def expire_order(tenant_id: UUID, order_id: UUID) -> bool:
    """Expire one order if it is unpaid and past its time; says whether it did."""
    async with db.transaction(db.core_scope(tenant_id)):
        order = await records.locked_order(order_id)
        if order.payment_status != "PENDING" or not order.expired:
            return False
        ended = await _end_unpaid(order, status="EXPIRED")
        crash_point("expiry.released")
    crash_point("expiry.committed")
    await channel_calls.cancel_all(ended)
    await news.order_changed(tenant_id, order_id)
    return True


async def due_orders(limit: int) -> list[tuple[UUID, UUID]]:
    """(tenant, order) of orders whose time is over; the worker's sweep over all tenants."""
    scope = db.every_tenant(reason="expire unpaid orders")
    async with db.transaction(scope, read_only=True):
        rows = await db.fetch(
            """select tenant_id, id from orders
               where payment_status = 'PENDING' and expires_at <= platform_now()
               order by expires_at limit $1""",
            limit,
        )
    return [(row["tenant_id"], row["id"]) for row in rows]


async def _end_unpaid(order: Order, *, status: Literal["CANCELED", "EXPIRED"]) -> list[Payment]:
    """Free the keys and what was held of a wallet; returns the payments that were open."""
    lines = await records.lines_of(order.id)
    await db.execute(
        """update orders set payment_status = $2, version = version + 1
           where id = $1 and payment_status = 'PENDING'""",
        order.id,
        status,
    )
    ended = [payment for payment in await payments.of_order(order.id) if payment.open]
    for payment in ended:
        await payments.end(payment, status=status)
    await pool.release(
        line_ids=[line.id for line in lines],
        key_ids=[key_id for line in lines for key_id in line.key_ids],
    )
    return ended
