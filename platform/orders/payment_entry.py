"""What has to be known and locked before an order is paid, in one statement after its own lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billing import accounts, payment_parts
from billing.payments import PAYMENT_COLUMNS, Payment
from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement
from orders import idempotency, parts
from orders.idempotency import Request
from orders.records import Order
from tenants.directory import Shop, TenantRestricted


@dataclass(frozen=True, slots=True)
class Entered:
    """Whether the request is the first of its kind, and what stands already."""

    is_first: bool
    payment_id: UUID
    shop_is_open: bool
    payments: Sequence[Payment]
    """All payments of the order, the newest first, locked."""

    def require_open(self) -> None:
        """Raise `TenantRestricted` unless the shop and every shop above it take orders."""
        if not self.shop_is_open:
            raise TenantRestricted("This shop does not take orders at the moment.")


# Payments are locked before the wallet. Whoever changes one of an order has locked the order, but
# for the channel's own id: so a statement that is older than the lock misses nothing.
_ENTER = Statement.of(
    parts.MOMENT,
    idempotency.CLAIM,
    f"""made as materialized (
        select {PAYMENT_COLUMNS} from payments
        where order_id = :order_id::uuid and exists (select from claim)
        order by created_at desc, id desc for no key update
    )""",
    payment_parts.LOCK_WALLET.format(
        only_if="exists (select from claim) and (select count(*) from made) >= 0"
    ),
    then="""
    select exists (select from claim) as is_first,
           (select bool_and(status = 'ACTIVE') from tenants where id = any (:path::uuid[])) is true
               as shop_is_open,
           (select count(*) from wallet) as wallets, made.*
    from moment left join made on true
    """,
)


async def enter(shop: Shop, order: Order, request: Request, *, from_wallet: bool) -> Entered:
    """Claim the request, lock the order's payments, and its customer's wallet if that pays.

    The caller has locked the order.
    """
    wallet = None
    if from_wallet and order.customer_id is not None:
        wallet = accounts.wallet(order.customer_id, order.currency)
    payment_id = new_id()
    values = {
        **idempotency.claiming(request, kind="PAYMENT", result_id=payment_id),
        "order_id": order.id,
        "path": list(shop.path),
        "debited_account": wallet.id if wallet is not None else None,
    }
    rows = await db.fetch(_ENTER.sql, *_ENTER.values(values))
    of_payments = [dict(row) for row in rows]
    for row in of_payments:
        for name in ("is_first", "shop_is_open", "wallets"):
            row.pop(name)
    return Entered(
        is_first=rows[0]["is_first"],
        payment_id=payment_id,
        shop_is_open=rows[0]["shop_is_open"],
        payments=[Payment(**row) for row in of_payments if row["id"] is not None],
    )
