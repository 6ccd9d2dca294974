"""What of a lost line nobody has opened: it goes back into the pool, and brings its part back."""

from dataclasses import dataclass

from kernel import db
from orders.disputes.bearing import GOODS_BAD, Rule
from orders.records import Line
from supply import pool


@dataclass(frozen=True, slots=True)
class Back:
    """So many pieces come back, for so much of what was lost, in minor units."""

    pieces: int = 0
    amount_minor: int = 0


async def what_comes_back(line: Line, amount_minor: int, *, rule: Rule) -> Back:
    """Put keys that nobody has opened back into the pool, as many as the lost amount has bought.

    Bad goods do not come back, nor does what a person has delivered.
    """
    if line.by_hand:
        waits = await db.fetch_value(
            "select state = 'CANCELED' from manual_deliveries where line_id = $1", line.id
        )
        return Back(0, amount_minor if waits and rule != GOODS_BAD else 0)
    if rule == GOODS_BAD:
        return Back()
    rows = await db.fetch(
        """select id, key_id from delivered_keys
           where order_id = $1 and line_id = $2 and returned_at is null and revealed_at is null
           order by id for update""",
        line.order_id,
        line.id,
    )
    pieces, of_amount_minor = pieces_for(line, amount_minor, unopened=len(rows))
    chosen = rows[:pieces]
    if chosen:
        await db.execute(
            "update delivered_keys set returned_at = platform_now() where id = any ($1)",
            [row["id"] for row in chosen],
        )
        await pool.take_back(line_id=line.id, key_ids=sorted(row["key_id"] for row in chosen))
    return Back(len(chosen), of_amount_minor)


def pieces_for(line: Line, amount_minor: int, *, unopened: int) -> tuple[int, int]:
    """How many unopened pieces so much of a line has bought, and how much they were.

    All that is left of a line is for all its pieces; a part of it for as many as it pays whole.
    """
    in_hand = line.quantity - line.returned_quantity
    left_minor = line.paid_minor - line.refunded_minor
    if amount_minor == left_minor:
        pieces = min(unopened, in_hand)
    else:
        pieces = min(unopened, amount_minor * line.quantity // line.paid_minor)
    if pieces == in_hand:
        return pieces, amount_minor
    return pieces, min(line.paid_minor * pieces // line.quantity, amount_minor)
