"""Handing sold keys over to the buyer: delivery rows, the fee of each line, the order's state."""

from collections.abc import Sequence

from kernel import db
from kernel.ids import new_id
from orders.records import Line, Order
from orders.split import channel_fees_by_line


class CannotDeliver(Exception):
    """The order's state does not allow it; the caller's transaction gives up this part."""


_DELIVER = """
with paid as (
    update orders set payment_status = 'PAID', fulfilment_status = 'DELIVERED',
           paid_at = platform_now(), delivered_at = platform_now(), version = version + 1
    where id = $1 and payment_status in ('PENDING', 'EXPIRED')
    returning delivered_at
), fees as (
    update order_lines set channel_fee_minor = fee.minor
    from unnest($6::uuid[], $7::bigint[]) as fee (line_id, minor)
    where order_lines.id = fee.line_id and fee.minor > 0
)
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
select $2, given.id, $1, given.line_id, given.key_id, paid.delivered_at
from paid, unnest($3::uuid[], $4::uuid[], $5::uuid[]) as given (id, line_id, key_id)
"""


async def deliver(order: Order, lines: Sequence[Line], *, channel_minor: int, fee_bp: int) -> None:
    """Make the order delivered with these keys; inside the settlement's transaction.

    The channel's fee is spread over the lines, so that a later refund knows each line's part.
    """
    fees = channel_fees_by_line(
        nets_minor=[line.net_minor for line in lines], channel_minor=channel_minor, fee_bp=fee_bp
    )
    keys = [(line.id, key_id) for line in lines for key_id in line.key_ids]
    written = await db.execute(
        _DELIVER,
        order.id,
        order.tenant_id,
        [new_id() for _ in keys],
        [line_id for line_id, _ in keys],
        [key_id for _, key_id in keys],
        [line.id for line in lines],
        fees,
    )
    if written != len(keys):
        raise CannotDeliver
