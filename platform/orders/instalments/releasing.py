"""Handing over what the parts of a plan have paid for, and the plan's end once nothing is owed.

The pieces of a line come one by one; what is paid for the line leaves escrow with its last piece.
Inside the transaction of whoever has locked the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from kernel.outbox import EventType, tell
from orders import records
from orders.instalments import arithmetic, rows
from orders.instalments.arithmetic import Goods
from orders.instalments.rows import Plan
from orders.records import Line, Order
from orders.splitting import split_line


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A line with pieces that are not handed over."""

    line: Line
    handed: int
    state: str

    @property
    def goods(self) -> Goods:
        """What its pieces cost together."""
        return Goods(self.line.paid_minor, self.line.quantity)


async def lines_of_plan(order: Order) -> list[WaitingLine]:
    """All lines of a plan's order, in the order in which they are handed over."""
    found = await db.fetch(
        "select line_id, handed, state from instalment_lines where order_id = $1 for update",
        order.id,
    )
    by_line = {row["line_id"]: row for row in found}
    return [
        WaitingLine(line, by_line[line.id]["handed"], by_line[line.id]["state"])
        for line in await records.lines_of(order.id)
        if line.id in by_line
    ]


async def go_on(order: Order, plan: Plan) -> None:
    """Hand over what is covered by now, and end a plan of which nothing is owed.

    While a bank decides about a part nothing happens; the same when it is asked again.
    """
    if await rows.is_disputed(order.id):
        return
    owed_minor = rows.owed_minor(await rows.parts_of(order.id))
    lines = await lines_of_plan(order)
    covered_minor = arithmetic.covered_minor(
        total_minor=plan.total_minor, fee_minor=plan.buyer_fee_minor, owed_minor=owed_minor
    )
    released = arithmetic.pieces_released(
        [line.goods for line in lines], covered_minor=covered_minor, release=plan.release
    )
    for waiting, pieces in zip(lines, released, strict=True):
        if waiting.state == "WAITING" and pieces > waiting.handed:
            await _hand_over(order, waiting, pieces)
    await roll_up(order.id)
    if owed_minor == 0:
        await rows.end(plan, "PAID")
        await tell_end(order, "PAID", bad_debt_minor=0)


async def _hand_over(order: Order, waiting: WaitingLine, pieces: int) -> None:
    line = waiting.line
    key_ids = line.key_ids[waiting.handed : pieces]
    await db.execute(
        """with handed as (
               insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
               select $1, given.id, $2, $3, given.key_id, platform_now()
               from unnest($4::uuid[], $5::uuid[]) as given (id, key_id)
           )
           update instalment_lines
           set handed = $6::int, state = case when $6::int = quantity then 'DELIVERED'
                                              else 'WAITING' end,
               ended_at = case when $6::int = quantity then platform_now() end
           where line_id = $3""",
        order.tenant_id,
        order.id,
        line.id,
        [new_id() for _ in key_ids],
        list(key_ids),
        pieces,
    )
    if pieces == line.quantity:
        await split_line(order, line)


_ROLL_UP: Final = """
with seen as (
    select count(*) filter (where state = 'WAITING') > 0 as waits,
           count(*) filter (where handed > 0) > 0 as has_come
    from instalment_lines where order_id = $1
)
update orders
set fulfilment_status = case when waits and has_come then 'PARTIALLY_DELIVERED'
                             when waits then 'FULFILLING'
                             when has_come then 'DELIVERED'
                             else 'SUPPLY_FAILED' end,
    delivered_at = case when has_come and not waits then coalesce(delivered_at, platform_now())
                   end,
    version = version + 1
from seen where orders.id = $1
"""


async def roll_up(order_id: UUID) -> None:
    """Let an order say how far it is delivered."""
    await db.execute(_ROLL_UP, order_id)


async def tell_end(order: Order, state: str, *, bad_debt_minor: int) -> None:
    """Tell the shop's programs how a plan has ended."""
    await tell(
        EventType.INSTALMENT_ENDED,
        tenant_id=order.tenant_id,
        object_id=order.id,
        facts={
            "orderNo": order.no,
            "state": state,
            "currency": order.currency,
            "unpaidMinor": bad_debt_minor,
        },
    )


def undelivered(lines: Sequence[WaitingLine]) -> list[WaitingLine]:
    """Those of which pieces are still to come."""
    return [line for line in lines if line.state == "WAITING"]
