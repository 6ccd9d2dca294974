"""Requests are looked at once their time to be taken back is over: facts, rules, reasons."""

from typing import Final
from uuid import UUID

from billing.payouts import rows
from billing.payouts.changing import Change, change
from billing.payouts.checks import Facts, Reason, reasons_of
from billing.payouts.parties import WORKER
from billing.payouts.rows import Payout
from billing.payouts.states import PayoutState
from kernel import db
from kernel.faults import crash_point
from kernel.log import get_logger

log = get_logger(__name__)

_DUE: Final = """
select id, tenant_id from payouts
where state = 'REQUESTED' and next_step_at <= platform_now() order by next_step_at limit $1
"""
_FACTS: Final = """
select platform_now() as now, $2::bigint as amount_minor,
       method.ended_at is null as method_live, method.ready as method_ready,
       method.usable_at as method_usable_at,
       payout_block($3::text, $4::uuid) as block,
       past.payouts as paid_before, coalesce(past.largest_minor, 0) as largest_paid_minor,
       (select count(distinct other.party_id) from payout_methods other
        where other.holder_index = method.holder_index and other.party_id <> $4)
           as others_with_holder
from payout_methods method, (
    select count(*) as payouts, max(amount_minor) as largest_minor from payouts
    where party_id = $4 and state = 'PAID' and currency = $5
) as past
where method.id = $1
"""


async def check_requests(limit: int) -> int:
    """Look at up to `limit` requests; returns how many were due."""
    scope = db.every_tenant(reason="payouts of all parties are looked at")
    due = await db.read(scope, _DUE, limit)
    for row in due:
        try:
            await _check(row["id"])
        except Exception as error:  # one bad row must not stop the others
            log.error("payout_not_checked", payout=str(row["id"]), exc_info=error)
    return len(due)


async def _check(payout_id: UUID) -> None:
    async with db.transaction(db.every_tenant(reason="another party may have the same holder")):
        payout = await rows.by_id(payout_id, lock=True)
        if payout is None or payout.state is not PayoutState.REQUESTED:
            return
        reasons = await reasons_for(payout)
        await change(payout, Change(PayoutState.CHECKING, by=WORKER, reasons=reasons))
        crash_point("payout.checked")


async def reasons_for(payout: Payout) -> tuple[Reason, ...]:
    """What speaks against a payout now; in an open transaction that sees all parties."""
    row = await db.fetch_row(
        _FACTS,
        payout.method_id,
        payout.amount_minor,
        payout.party_kind,
        payout.party_id,
        payout.currency,
    )
    assert row is not None
    return reasons_of(Facts(**dict(row)))
