"""A supplier whose deposit is too low: its listings are paused, and come back with the money."""

from uuid import UUID

from kernel import db


async def set_low(supplier_id: UUID, *, is_low: bool) -> None:
    """Note it where it has changed; the listings follow in the same statement
    (`follow_low_deposit` of the database). Inside a core transaction."""
    await db.execute(
        "update suppliers set deposit_low = $2 where id = $1 and deposit_low <> $2",
        supplier_id,
        is_low,
    )
