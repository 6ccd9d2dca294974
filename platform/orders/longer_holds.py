"""Orders whose money takes its time: they hold their keys for longer."""

from datetime import timedelta

from kernel import db
from kernel.settings import settings
from orders import records
from orders.records import HoldExpired, Order
from supply import pool


async def hold_for_transfer(order: Order) -> None:
    """Let a locked order wait for a bank transfer, counted from when it was made.

    Starting again does not prolong it again. Raises `HoldExpired` where a key is not held any more,
    or ends before the hold would.
    """
    lines = await records.lines_of(order.id)
    until = order.created_at + timedelta(seconds=settings().bank_hold_seconds)
    if until <= order.expires_at:
        return
    held = await pool.prolong(
        line_ids=[line.id for line in lines],
        key_ids=[key_id for line in lines for key_id in line.key_ids],
        until=until,
    )
    if held != sum(line.quantity for line in lines):
        raise HoldExpired("These keys cannot be held for a transfer.", field="method")
    await db.execute(
        "update orders set expires_at = $2, version = version + 1 where id = $1", order.id, until
    )
