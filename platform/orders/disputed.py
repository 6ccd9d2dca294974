"""Whether an order waits for a bank's decision about its payment, and the refusal that says so."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Refusal


class OrderDisputed(Refusal):
    """The buyer's bank is deciding about the payment: until then nothing moves."""

    code = "ORDER_DISPUTED"


OPEN_OF_ORDER: Final = """
exists (select from disputes open_case
        where open_case.order_id = {order_id} and open_case.stopped_at is not null
          and open_case.settled_at is null)
"""
"""Whether an order waits for a bank's decision; a condition of a statement."""


async def refuse_while_disputed(order_id: UUID | None, *, field: str = "orderNo") -> None:
    """Raise `OrderDisputed` while a bank is deciding about an order, which is locked."""
    if order_id is not None and await db.fetch_value(
        f"select {OPEN_OF_ORDER.format(order_id='$1')}", order_id
    ):
        raise disputed(field)


def disputed(field: str = "orderNo") -> OrderDisputed:
    """The refusal for what waits for a bank's decision."""
    return OrderDisputed(
        "The buyer's bank has taken the payment back, and decides about it.", field=field
    )
