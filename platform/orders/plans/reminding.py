"""Parts that come due: the shop's programs are told before, and once more when one is late."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.outbox import EventType, tell
from orders import records
from orders.instalments import rows

SOON_DAYS: Final = 3
PARTS_AT_ONCE: Final = 100
_DUE: Final = """
select part.tenant_id, part.order_id, part.part
from instalments part
join instalment_plans plan on plan.order_id = part.order_id and plan.tenant_id = part.tenant_id
where plan.state = 'OPEN' and part.state = 'DUE'
  and (part.due_at <= platform_now()
       or (part.told_at is null
           and part.due_at <= platform_now() + make_interval(days => $2::int)))
order by part.due_at, part.order_id limit $1
"""


async def remind(at_most: int = PARTS_AT_ONCE) -> int:
    """Tell of so many parts that are due soon, or late by now; returns how many were looked at.

    A part is told of once before its time and once after it, however often this runs.
    """
    found = await db.read(db.every_tenant(reason="remind of instalments"), _DUE, at_most, SOON_DAYS)
    for row in found:
        await _remind_of(row["tenant_id"], row["order_id"], row["part"])
    return len(found)


async def _remind_of(tenant_id: UUID, order_id: UUID, part: int) -> None:
    async with db.transaction(db.core_scope(tenant_id)):
        order = await records.locked_order(order_id)
        plan = await rows.locked_plan(order_id)
        row = await db.fetch_row(
            """update instalments
               set state = case when due_at <= platform_now() then 'LATE' else state end,
                   told_at = platform_now()
               where order_id = $1 and part = $2 and state = 'DUE'
                 and (told_at is null or due_at <= platform_now())
               returning state, due_at, amount_minor - waived_minor as left_minor""",
            order_id,
            part,
        )
        if plan is None or plan.state != "OPEN" or row is None:
            return
        await tell(
            EventType.INSTALMENT_DUE,
            tenant_id=tenant_id,
            object_id=order_id,
            facts={
                "orderNo": order.no,
                "part": part,
                "parts": plan.parts,
                "amountMinor": row["left_minor"],
                "currency": plan.currency,
                "dueAt": row["due_at"].isoformat(),
                "isLate": row["state"] == "LATE",
            },
        )
