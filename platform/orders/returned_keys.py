"""Keys that come back to the pool with a refund: only what nobody has opened."""

from kernel import db
from kernel.errors import Invalid, Refusal
from orders.records import Line, Order
from supply import pool


class AlreadyRevealed(Refusal):
    """The key has been seen: it is used goods and does not come back."""

    code = "ALREADY_REVEALED"


async def take_all_back(order: Order, line: Line, amount_minor: int) -> int:
    """Put all keys of a line that somebody changed the mind about back; returns how many."""
    require_from_the_pool(line)
    await _require_unopened(line)
    left_minor = line.paid_minor - line.refunded_minor
    if amount_minor < left_minor:
        raise Invalid(
            "A change of mind gives back all that is left of the line.",
            field="amount",
            details={"left": left_minor},
        )
    in_hand = line.quantity - line.returned_quantity
    return await take_back(order, line, None) if in_hand else 0


def require_from_the_pool(line: Line) -> None:
    """Raise `Invalid` for what was made for this buyer: nobody else can be sold it."""
    if line.by_hand:
        raise Invalid("What a person delivers does not come back.", field="lineId")


async def _require_unopened(line: Line) -> None:
    """A change of mind ends where a key has been seen (domain 4, E7)."""
    opened: int = await db.fetch_value(
        """select count(*) from delivered_keys
           where order_id = $1 and line_id = $2 and returned_at is null
             and revealed_at is not null""",
        line.order_id,
        line.id,
    )
    if opened:
        raise AlreadyRevealed(
            f"{opened} keys of this line have been opened.",
            field="reason",
            details={"revealed": opened},
        )


async def take_back(order: Order, line: Line, quantity: int | None) -> int:
    """Put unopened keys of the line back into the pool; returns how many."""
    rows = await db.fetch(
        """select id, key_id from delivered_keys
           where order_id = $1 and line_id = $2 and tenant_id = $3
             and returned_at is null and revealed_at is null
           order by id for update""",
        order.id,
        line.id,
        order.tenant_id,
    )
    wanted = len(rows) if quantity is None else quantity
    if wanted < 1 and quantity is not None:
        raise Invalid("At least one key comes back.", field="quantity")
    if wanted < 1 or len(rows) < wanted:
        raise AlreadyRevealed(
            f"Only {len(rows)} keys of this line are unopened.",
            field="quantity",
            details={"unrevealed": len(rows)},
        )
    chosen = rows[:wanted]
    await db.execute(
        "update delivered_keys set returned_at = platform_now() where id = any ($1)",
        [row["id"] for row in chosen],
    )
    await pool.take_back(line_id=line.id, key_ids=sorted(row["key_id"] for row in chosen))
    return wanted
