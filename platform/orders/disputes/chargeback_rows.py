"""What a lost dispute writes of an order: a refund of each line that the bank has paid, the points
that it takes back, and the end of what is not delivered."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from orders import records
from orders.disputes.bearing import Loss
from orders.disputes.coming_back import Back
from orders.manual import ending, tasks
from orders.points_refunds import move_points
from orders.records import Funding, Line, Order
from orders.refund_writing import write_refund
from supply import pool

_ROWS: Final = """
with the_line as (
    update order_lines set refunded_minor = refunded_minor + $6::bigint,
           returned_quantity = returned_quantity + $8::integer
    where order_id = $3 and id = $4
), the_shares as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($9::uuid[], $10::bigint[]) as part (id, minor)
    where line_shares.order_id = $3 and line_shares.id = part.id
), the_discounts as (
    update discount_lines set returned_minor = returned_minor + part.minor
    from unnest($11::uuid[], $12::bigint[]) as part (id, minor)
    where discount_lines.order_id = $3 and discount_lines.id = part.id
), the_payment as (
    update payments set refunded_channel_minor = refunded_channel_minor + $6::bigint where id = $5
), the_order as (
    update orders set refunded_minor = refunded_minor + $6::bigint, version = version + 1,
           aftersale_status = 'CHARGED_BACK'
    where id = $3
)
insert into refunds (id, tenant_id, order_id, line_id, payment_id, currency, amount_minor,
                     wallet_minor, channel_minor, borne_minor, reason, sequence, status, done_at)
select $1, $2, $3, $4, $5, currency, $6::bigint, 0, $6::bigint, $7::bigint, 'CHARGEBACK',
       (select coalesce(max(sequence), 0) + 1 from refunds where order_id = $3), 'DONE',
       platform_now()
from payments where id = $5
"""


async def write(
    order: Order,
    line: Line,
    payment: Payment,
    loss: Loss,
    *,
    amount_minor: int,
    back: Back,
    to_funders: Sequence[tuple[Funding, int]],
) -> UUID:
    """Write the refund of a line that the bank has paid, and every total; returns its id."""
    refund_id = new_id()
    await db.execute(
        _ROWS,
        refund_id,
        order.tenant_id,
        order.id,
        line.id,
        payment.id,
        amount_minor,
        loss.borne_minor,
        back.pieces,
        [share_id for share_id, _ in loss.reversal.by_share],
        [part_minor for _, part_minor in loss.reversal.by_share],
        [one.id for one, _ in to_funders],
        [part_minor for _, part_minor in to_funders],
    )
    return refund_id


async def take_points(
    refund_id: UUID,
    order: Order,
    line: Line,
    amount_minor: int,
    to_funders: Sequence[tuple[Funding, int]],
) -> int:
    """Take back what the sale has earned the buyer in points; returns their worth, in minor units.

    Those that are spent are the shop's loss: the bank has paid the buyer in full.
    """
    moved = await move_points(refund_id, order, line, amount_minor, to_funders)
    return moved.taken_minor


async def split_undelivered(order: Order) -> None:
    """End what a person has not delivered yet: its money leaves escrow as by a delivery, and the
    dispute takes it from there."""
    rows = await db.fetch(
        "select line_id from manual_deliveries where order_id = $1 and state::text = any ($2)",
        order.id,
        list(tasks.OPEN),
    )
    for row in rows:
        task = await tasks.locked(order, row["line_id"])
        await tasks.move(
            task,
            "CANCELED",
            by=ending.WORKER,
            kind="CANCELED",
            out_of=(task.state,),
            late=task.is_late,
        )
        await ending.split(order, task.line)
        await pool.take_back(line_id=task.line.id, key_ids=sorted(task.line.key_ids))


async def give_up_deliveries(order: Order, payment: Payment) -> None:
    """Refund what a lost dispute has left of lines that nobody delivers any more."""
    for line in await records.lines_of(order.id):
        left_minor = line.paid_minor - line.refunded_minor
        if line.by_hand and left_minor and await _is_canceled(line):
            now = await records.locked_order(order.id)
            await write_refund(new_id(), now, line, left_minor, "CHANGE_OF_MIND")


async def _is_canceled(line: Line) -> bool:
    canceled: bool = await db.fetch_value(
        "select state = 'CANCELED' from manual_deliveries where line_id = $1", line.id
    )
    return canceled


async def note_on_order(order: Order) -> None:
    """The order was charged back. Who has lost all of it to bad goods has used no coupon."""
    await db.execute(
        """update orders set aftersale_status = 'CHARGED_BACK', version = version + 1
           where id = $1 and refunded_minor > 0""",
        order.id,
    )
    await db.execute(
        """select release_coupons($1, 'REFUNDED', platform_now()) from orders
           where id = $1 and refunded_minor = total_minor
             and not exists (select from refunds where order_id = $1
                             and (reason = 'GOODWILL' or borne_minor > 0))""",
        order.id,
    )
