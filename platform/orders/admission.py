"""Who may order now: asked of the database inside the order's transaction, in one statement."""

from datetime import datetime
from uuid import UUID

from kernel import db
from kernel.errors import Forbidden, Invalid
from tenants.directory import Shop, TenantRestricted

UNPAID_ORDERS_PER_CUSTOMER = 20

_ADMISSION = """
select platform_now() as now,
       (select bool_and(status = 'ACTIVE') from tenants where id = any ($1)) as open,
       (select status from customers where tenant_id = $2 and id = $3) as customer_status,
       (select count(*) from orders
        where tenant_id = $2 and customer_id = $3 and payment_status = 'PENDING'
          and expires_at > platform_now()) as unpaid
"""


async def require_admission(shop: Shop, *, customer_id: UUID | None) -> datetime:
    """The platform's time, if the shop's whole path takes orders and the customer may order.

    A frozen account buys nothing, and nobody hoards keys with orders left unpaid. Raises
    `TenantRestricted`, `Forbidden`, `Invalid`.
    """
    row = await db.fetch_row(_ADMISSION, list(shop.path), shop.id, customer_id)
    assert row is not None
    if not row["open"]:
        raise TenantRestricted("This shop does not take orders at the moment.")
    if customer_id is not None and row["customer_status"] != "ACTIVE":
        raise Forbidden("This account cannot order at the moment.")
    if row["unpaid"] >= UNPAID_ORDERS_PER_CUSTOMER:
        raise Invalid("Pay or cancel the orders that are open first.")
    now: datetime = row["now"]
    return now
