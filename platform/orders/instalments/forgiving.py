"""A refund of an order that is paid in parts: what is still owed is forgiven first, and only what
was paid beyond comes back, to the buyer's wallet. So nobody gets back more than was paid."""

from typing import Final

from billing import accounts
from billing.ledger import Account
from billing.payment_methods import INSTALMENT
from billing.payments import Payment
from kernel import db
from kernel.errors import Refusal
from orders.instalments import rows
from orders.records import Line, Order


class InstalmentsOpen(Refusal):
    """The line is still being paid for in parts: its plan is ended first, or paid."""

    code = "WRONG_STATE"


async def refuse_if_paying(line: Line, *, field: str = "lineId") -> None:
    """Raise `InstalmentsOpen` for a line whose money is in escrow until its parts are paid."""
    if await db.fetch_value(
        """select exists (select from instalment_lines where line_id = $1 and order_id = $2
                          and state = 'WAITING')""",
        line.id,
        line.order_id,
    ):
        raise InstalmentsOpen(
            "This is still being paid for in parts: end the plan first.", field=field
        )


async def require_refundable(order: Order, line: Line, payment: Payment) -> None:
    """Raise `InstalmentsOpen` for a line that waits for its parts, and for an order of which a
    bank decides about a part."""
    if payment.method != INSTALMENT:
        return
    await refuse_if_paying(line)
    if await rows.is_disputed(order.id):
        raise InstalmentsOpen("A bank decides about a part of this order's price.", field="orderNo")


_WAIVE: Final = """
with open_parts as (
    select part, amount_minor - waived_minor as left_minor,
           sum(amount_minor - waived_minor) over (order by part desc) as so_far
    from instalments where order_id = $1 and state in ('DUE', 'LATE')
), waived as (
    select part, left_minor,
           greatest(least(left_minor, $2::bigint - (so_far - left_minor)), 0)::bigint as minor
    from open_parts
)
update instalments
set waived_minor = waived_minor + waived.minor,
    state = case when waived.minor = waived.left_minor then 'WAIVED' else state end
from waived where order_id = $1 and instalments.part = waived.part and waived.minor > 0
returning waived.minor
"""


async def forgive(order: Order, amount_minor: int) -> int:
    """Take so much off what a locked order's plan is still owed, the last parts first; returns how
    much that is, in minor units."""
    found = await db.fetch(_WAIVE, order.id, amount_minor)
    return sum(int(row["minor"]) for row in found)


async def given_back(
    order: Order, payment: Payment, amount_minor: int
) -> list[tuple[Account, int]]:
    """Where a refund of a plan's order goes, each account with its part."""
    assert order.customer_id is not None
    forgiven_minor = await forgive(order, amount_minor)
    backs = [
        (accounts.instalment(order.id, order.currency), forgiven_minor),
        (accounts.wallet(order.customer_id, order.currency), amount_minor - forgiven_minor),
    ]
    return [(account, minor) for account, minor in backs if minor]
