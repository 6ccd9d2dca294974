"""A plan that ends before its parts are paid: what is not handed over goes back to the pool.

Its lines are split, as their delivery would have split them, and what is not handed over is
refunded: that forgives what is owed, and gives the wallet what was paid beyond. What is owed even
then was handed over and not paid: it is the platform's bad debt.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from billing import accounts, ledger, payments
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.log import get_logger
from orders import channel_calls, idempotency, news, records
from orders.disputed import disputed, refuse_while_disputed
from orders.instalments import arithmetic, forgiving, releasing, rows
from orders.instalments.releasing import WaitingLine
from orders.instalments.rows import Plan
from orders.records import Order, Viewer
from orders.refund_writing import write_refund
from orders.splitting import split_line
from supply import pool
from tenants.directory import Shop

PLANS_AT_ONCE: Final = 50
log = get_logger(__name__)


async def cancel_plan(*, shop: Shop, actor: str, order_no: str, idempotency_key: str) -> UUID:
    """End a plan by the decision of the shop's staff; returns the order's id.

    Raises `NotFound`, `Invalid` where nothing is left to end, and `OrderDisputed`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    request = idempotency.Request(
        shop.id, f"plan-end:{actor}", idempotency_key, {"plan end": order_no}
    )
    ended: list[Payment] = []
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, Viewer(whole_shop=True), lock=True)
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            plan = await rows.locked_plan(order.id)
            if plan is None or plan.state != "OPEN":
                raise Invalid("This order has no plan that is open.", field="orderNo")
            await refuse_while_disputed(order.id)
            if await rows.is_disputed(order.id):
                raise disputed()
            ended = await end_early(order, plan, defaults=False)
    await channel_calls.cancel_all(ended)
    await news.order_changed(shop.id, order.id)
    return order.id


async def end_early(order: Order, plan: Plan, *, defaults: bool) -> list[Payment]:
    """Take back what is not handed over, and write off what is owed of the rest.

    Of a plan that somebody ends, the buyer owes no more of the fee. Returns the payments that were
    open: the caller tells their channels.
    """
    waiting = releasing.undelivered(await releasing.lines_of_plan(order))
    if not waiting and not defaults:
        raise Invalid("All of this order is handed over: refund it instead.", field="orderNo")
    # The state comes first: a refund of an open plan would hand over what it has paid for.
    await rows.end(plan, "DEFAULTED" if defaults else "ENDED")
    await db.execute(
        """update instalment_lines set state = 'ENDED', ended_at = platform_now()
           where order_id = $1 and state = 'WAITING'""",
        order.id,
    )
    for line in waiting:
        order = await _take_back(order, line)
    await _write_off(order, plan, defaults=defaults)
    await releasing.roll_up(order.id)
    ended = [payment for payment in await rows.payments_of(order.id) if payment.open]
    for payment in ended:
        await payments.end(payment, status="CANCELED")
    crash_point("instalments.ended")
    return ended


async def _take_back(order: Order, waiting: WaitingLine) -> Order:
    """The line's money leaves escrow, and what was not handed over of it goes back with its keys;
    the order as it is then."""
    line = waiting.line
    await split_line(order, line)
    kept_minor = arithmetic.kept_minor(waiting.goods, handed=waiting.handed)
    back_minor = max(line.paid_minor - line.refunded_minor - kept_minor, 0)
    await write_refund(new_id(), order, line, back_minor, "CHANGE_OF_MIND")
    keys = sorted(line.key_ids[waiting.handed :])
    await pool.take_back(line_id=line.id, key_ids=keys)
    return replace(order, refunded_minor=order.refunded_minor + back_minor)


async def _write_off(order: Order, plan: Plan, *, defaults: bool) -> None:
    owed_minor = rows.owed_minor(await rows.parts_of(order.id))
    fee_minor = 0 if defaults else min(owed_minor, plan.buyer_fee_minor)
    bad_minor = owed_minor - fee_minor
    if owed_minor:
        await forgiving.forgive(order, owed_minor)
        await ledger.post(
            ledger.merged(
                [
                    ledger.debit(accounts.expense("BAD_DEBT", order.currency), bad_minor),
                    ledger.debit(accounts.revenue("INSTALMENT_FEE", order.currency), fee_minor),
                    ledger.credit(accounts.instalment(order.id, order.currency), owed_minor),
                ]
            ),
            kind="E14_WRITTEN_OFF",
            idempotency_key=f"instalment-off:{order.id}",
            tenant_id=order.tenant_id,
        )
    await db.execute(
        "update instalment_plans set bad_debt_minor = $2 where order_id = $1", order.id, bad_minor
    )
    state = "DEFAULTED" if defaults else "ENDED"
    await releasing.tell_end(order, state, bad_debt_minor=bad_minor)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A part whose time, and its grace, are over."""

    tenant_id: UUID
    order_id: UUID
    due_at: datetime


_OVERDUE: Final = f"""
select part.tenant_id, part.order_id, min(part.due_at) as due_at
from instalments part
join instalment_plans plan on plan.order_id = part.order_id and plan.tenant_id = part.tenant_id
where part.state in ('DUE', 'LATE') and plan.state = 'OPEN'
  and part.due_at + make_interval(days => plan.grace_days) <= platform_now()
  and not {rows.DISPUTED.format(order_id="part.order_id")}
"""
_NEXT_OVERDUE: Final = f"""
{_OVERDUE}
group by part.tenant_id, part.order_id
having $2::timestamptz is null or (min(part.due_at), part.order_id) > ($2, $3::uuid)
order by 3, 2 limit $1
"""


async def overdue_plans(limit: int, *, after: Overdue | None = None) -> list[Overdue]:
    """Plans that nobody goes on paying, from a place on: the worker's sweep over all tenants."""
    found = await db.read(
        db.every_tenant(reason="end instalment plans that nobody pays"),
        _NEXT_OVERDUE,
        limit,
        after.due_at if after else None,
        after.order_id if after else None,
    )
    return [Overdue(**row) for row in found]


async def end_overdue(at_most: int = PLANS_AT_ONCE) -> int:
    """End the plans that nobody goes on paying, so many at a time; returns how many were looked at.

    A plan that cannot be ended is logged and passed over: the sweep reads on behind it.
    """
    after: Overdue | None = None
    seen = 0
    while overdue := await overdue_plans(at_most, after=after):
        for one in overdue:
            try:
                await channel_calls.cancel_all(await default_plan(one))
            except Exception as error:  # one bad row must not stop the others
                log.error("plan_not_ended", order=str(one.order_id), exc_info=error)
        after = overdue[-1]
        seen += len(overdue)
    return seen


async def default_plan(overdue: Overdue) -> list[Payment]:
    """End a plan that nobody goes on paying, unless somebody has paid meanwhile; returns the
    payments that were open."""
    async with db.transaction(db.core_scope(overdue.tenant_id)):
        order = await records.locked_order(overdue.order_id)
        plan = await rows.locked_plan(order.id)
        still = await db.fetch(f"{_OVERDUE} and part.order_id = $1 group by 1, 2", order.id)
        if plan is None or not still:
            return []
        ended = await end_early(order, plan, defaults=True)
    crash_point("instalments.defaulted")
    await news.order_changed(order.tenant_id, order.id)
    return ended
