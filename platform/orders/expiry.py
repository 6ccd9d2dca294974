"""Orders that end unpaid: by the clock, or because the buyer says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from billing import payments
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from orders import channel_calls, funding, news, records
from orders.instalments import rows as instalment_rows
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


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An unpaid order whose time is over."""

    tenant_id: UUID
    id: UUID
    expires_at: datetime


async def expire_order(tenant_id: UUID, order_id: UUID) -> list[Payment]:
    """Expire one order if it is unpaid and past its time.

    Returns the payments that were open: the caller tells their channels, in its own time.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        order = await records.locked_order(order_id)
        if order.payment_status != "PENDING" or not order.expired:
            return []
        ended = await _end_unpaid(order, status="EXPIRED")
        crash_point("expiry.released")
    crash_point("expiry.committed")
    await news.order_changed(tenant_id, order_id)
    return ended


async def due_orders(limit: int, *, after: tuple[datetime, UUID] | None = None) -> list[DueOrder]:
    """Orders whose time is over, from a place on: the worker's sweep over all tenants."""
    scope = db.every_tenant(reason="expire unpaid orders")
    async with db.transaction(scope, read_only=True):
        rows = await db.fetch(
            """select tenant_id, id, expires_at from orders
               where payment_status = 'PENDING' and expires_at <= platform_now()
                 and ($2::timestamptz is null or (expires_at, id) > ($2, $3::uuid))
               order by expires_at, id limit $1""",
            limit,
            after[0] if after else None,
            after[1] if after else None,
        )
    return [DueOrder(**row) for row in rows]


async def _end_unpaid(order: Order, *, status: Literal["CANCELED", "EXPIRED"]) -> list[Payment]:
    """Free the keys, the coupons and what was held of wallets and budgets.

    Returns the payments that were open.
    """
    lines = await records.lines_of(order.id)
    await db.execute(
        """with ended as (
               update orders set payment_status = $2, version = version + 1
               where id = $1 and payment_status = 'PENDING' returning id
           )
           select release_coupons(id, $2, platform_now()) from ended""",
        order.id,
        status,
    )
    await funding.free(order, lines)
    made = [*await payments.of_order(order.id), *await instalment_rows.payments_of(order.id)]
    ended = [payment for payment in made if payment.open]
    for payment in ended:
        await payments.end(payment, status=status)
    await pool.release(
        line_ids=[line.id for line in lines],
        key_ids=[key_id for line in lines for key_id in line.key_ids],
    )
    return ended
