"""What a lost dispute writes of an order beside its refunds: the points that it takes back, the end
of what is not delivered, and that it was charged back."""

from collections.abc import Sequence
from uuid import UUID

from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from orders import records
from orders.manual import ending, tasks
from orders.points_refunds import move_points
from orders.records import Funding, Line, Order
from orders.refund_writing import write_refund
from orders.splitting import split_line
from supply import pool


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
        await split_line(order, task.line)
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
