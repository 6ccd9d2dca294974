"""A delivery by hand that comes to nothing: its money goes back.

The line's money is in escrow. It is split, as a delivery would have split it, and refunded, as a
refund of delivered goods is, in one transaction: so everybody's share, the funders of a discount
and the channel's fee are settled by the code that settles them everywhere.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from kernel import db
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import news, records
from orders.disputed import OPEN_OF_ORDER, refuse_while_disputed
from orders.manual.tasks import Task, locked, move, witness_row
from orders.refund_writing import Reason, write_refund
from orders.reveal import Witness
from orders.splitting import split_line
from supply import places, pool

End = Literal["REFUSED", "MISSED", "CANCELED"]
#: Who could not deliver is at fault, and declares anew what can be delivered; a buyer who changed
#: his mind in time, or has not answered, frees the place.
_REASONS: Final[dict[End, Reason]] = {
    "REFUSED": "SUPPLIER_FAULT",
    "MISSED": "SUPPLIER_FAULT",
    "CANCELED": "CHANGE_OF_MIND",
}
WORKER: Final = witness_row("worker")


async def end_undelivered(
    task: Task,
    to: End,
    *,
    by: Witness,
    out_of: tuple[str, ...],
    words: str | None = None,
    late: bool = False,
) -> None:
    """Give a delivery up and refund its line, inside a transaction with the order locked.

    Raises `WrongState`; then nothing is written.
    """
    order, line = task.order, task.line
    await move(task, to, by=by, kind=to, out_of=out_of, words=words, late=late)
    await split_line(order, line)
    left_minor = line.paid_minor - line.refunded_minor
    await write_refund(new_id(), order, line, left_minor, _REASONS[to])
    if to == "CANCELED":
        await pool.take_back(line_id=line.id, key_ids=sorted(line.key_ids))
    else:
        await places.spend(line_id=line.id, place_ids=line.key_ids)
    crash_point("manual.ended")


@dataclass(frozen=True, slots=True)
class Late:
    """A delivery whose time is over."""

    tenant_id: UUID
    order_id: UUID
    line_id: UUID
    due_at: datetime


async def late_deliveries(limit: int, *, after: Late | None = None) -> list[Late]:
    """Deliveries whose time is over, from a place on: the worker's sweep over all tenants."""
    scope = db.every_tenant(reason="end deliveries by hand that are late")
    rows = await db.read(
        scope,
        # What a bank decides about waits for it.
        f"""select tenant_id, order_id, line_id, due_at from manual_deliveries manual
           where state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION') and due_at <= platform_now()
             and not {OPEN_OF_ORDER.format(order_id="manual.order_id")}
             and ($2::timestamptz is null or (due_at, line_id) > ($2, $3::uuid))
           order by due_at, line_id limit $1""",
        limit,
        after.due_at if after else None,
        after.line_id if after else None,
    )
    return [Late(**row) for row in rows]


async def end_late(late: Late) -> bool:
    """End a delivery that is past its time, unless it has ended meanwhile.

    Who promised and did not deliver is at fault; who was asked and did not answer has gone.
    """
    async with db.transaction(db.core_scope(late.tenant_id)):
        order = await records.locked_order(late.order_id)
        await refuse_while_disputed(order.id, field="lineId")
        task = await locked(order, late.line_id)
        if not task.is_late or task.state not in ("DUE", "BEGUN", "NEEDS_CORRECTION"):
            return False
        to: End = "CANCELED" if task.state == "NEEDS_CORRECTION" else "MISSED"
        await end_undelivered(task, to, by=WORKER, out_of=(task.state,), late=True)
    await news.order_changed(late.tenant_id, late.order_id)
    return True
