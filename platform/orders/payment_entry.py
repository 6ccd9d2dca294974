"""What has to be known and locked before an order is paid, in one statement after its own lock.

Nearly always an order's first payment goes through a channel alone; then this is written with the
same statement, which is its own transaction (`open_at_once`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billing import accounts, payment_parts
from billing.payment_choices import NOTHING, Choice
from billing.payment_methods import METHODS, WALLET
from billing.payments import PAYMENT_COLUMNS, Payment
from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement
from orders import admission, idempotency, parts
from orders.idempotency import Request
from orders.records import SEEN_BY_VIEWER, Order, Viewer
from tenants.directory import Shop, TenantRestricted


@dataclass(frozen=True, slots=True)
class PaymentWish:
    """How somebody wants to pay an order: `wallet_minor` from the wallet, the rest by `method`."""

    shop: Shop
    viewer: Viewer
    order_no: str
    request: Request
    method: str
    wallet_minor: int
    return_url: str
    choice: Choice = NOTHING

    @property
    def scope(self) -> db.Scope:
        """What starting the payment may see and write."""
        return db.core_scope(self.shop.id, path=self.shop.path)

    @property
    def by_channel_alone(self) -> bool:
        """True for a channel that the shop takes and that takes any order, nothing chosen beside
        it, and nothing from the wallet."""
        offered = self.method in METHODS and self.method in self.shop.payment_methods
        if not offered or self.wallet_minor or self.choice != NOTHING:
            return False
        return METHODS[self.method].is_on and METHODS[self.method].takes_all_of(self.shop.currency)


@dataclass(frozen=True, slots=True)
class Entered:
    """Whether the request is the first of its kind, and what stands already."""

    is_first: bool
    payment_id: UUID
    shop_is_open: bool
    payments: Sequence[Payment]
    """All payments of the order, the newest first, locked."""
    parts: Sequence[Payment]
    """Those of the parts of its plan, likewise."""

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
        where (order_id = :order_id::uuid
               or id = any (array(select payment_id from instalment_payments
                                  where order_id = :order_id::uuid)))
          and exists (select from claim)
        order by created_at desc, id desc for no key update
    )""",
    payment_parts.LOCK_WALLET.format(
        only_if="exists (select from claim) and (select count(*) from made) >= 0"
    ),
    f"""asked as materialized (
        select {admission.PAYMENT_REFUSAL.format(now="moment.now")} as refusal
        from moment where (select count(*) from wallet) >= 0
    )""",
    then="""
    select exists (select from claim) as is_first, asked.refusal, made.*
    from asked left join made on true
    """,
)


async def enter(wish: PaymentWish, order: Order) -> Entered:
    """Claim the request, lock the order's payments, and its customer's wallet if that pays.

    The caller has locked the order. Raises `Forbidden` when the viewer's token has ended.
    """
    wallet = None
    if wish.method == WALLET and order.customer_id is not None:
        wallet = accounts.wallet(order.customer_id, order.currency)
    payment_id = new_id()
    values = {
        **idempotency.claiming(wish.request, kind="PAYMENT", result_id=payment_id),
        **wish.viewer.values(),
        "order_id": order.id,
        "debited_account": wallet.id if wallet is not None else None,
    }
    rows = await db.fetch(_ENTER.sql, *_ENTER.values(values))
    refusal = rows[0]["refusal"]
    if refusal == "SIGNED_OUT":
        raise admission.signed_out()
    of_payments = [dict(row) for row in rows]
    for row in of_payments:
        for name in ("is_first", "refusal"):
            row.pop(name)
    locked = [Payment(**row) for row in of_payments if row["id"] is not None]
    return Entered(
        is_first=rows[0]["is_first"],
        payment_id=payment_id,
        shop_is_open=refusal != "CLOSED",
        payments=[payment for payment in locked if payment.purpose != "INSTALMENT"],
        parts=[payment for payment in locked if payment.purpose == "INSTALMENT"],
    )


_OPEN_AT_ONCE = Statement.of(
    parts.UNPAID_ORDER_FIRST.format(
        which=f"""orders.tenant_id = :tenant_id::uuid and orders.no = :order_no::text
                  and {SEEN_BY_VIEWER}"""
    ),
    # Read by what comes next: so it is asked when the order is locked, and with its own picture.
    f"""asked as materialized (
        select unpaid_order.id, clock.now,
               {admission.PAYMENT_REFUSAL.format(now="clock.now")} as refusal
        from unpaid_order, clock
    )""",
    """moment as materialized (
        select now from asked
        where refusal is null and not exists (select from payments where order_id = asked.id)
    )""",
    idempotency.CLAIM,
    "ready as materialized (select 1 from claim)",
    payment_parts.OPEN_FOR_ORDER,
    then="""
    select the_payment.*, case when the_payment.id is null then give_up('NOT SO SIMPLE') end
    from (select) as always left join the_payment on true
    """,
)


async def open_at_once(wish: PaymentWish) -> Payment | None:
    """Open the first payment of an order, by a channel and of all that it costs.

    None when it is not as simple as that: nothing is written, and the reason is to be looked for.
    """
    if not wish.by_channel_alone:
        return None
    payment_id = new_id()
    values = {
        **payment_parts.opened_for_order(
            payment_id=payment_id,
            tenant_id=wish.shop.id,
            method=wish.method,
            description=described(wish.shop, wish.order_no),
            return_url=wish.return_url,
        ),
        **idempotency.claiming(wish.request, kind="PAYMENT", result_id=payment_id),
        **wish.viewer.values(),
        "order_no": wish.order_no,
    }
    try:
        (row,) = await db.write(wish.scope, _OPEN_AT_ONCE, values)
    except db.GaveUp:
        return None
    return Payment(*tuple(row)[:-1])


def described(shop: Shop, order_no: str) -> str:
    """What stands on the buyer's statement."""
    return f"{shop.name} {order_no}"
