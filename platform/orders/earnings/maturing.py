"""What was earned becomes available when its time has come (E6): the worker's sweep.

A share matures once: its row is locked, and says so. Rows that somebody else has locked are passed
over, so several workers share the work. A party's debt is repaid first, and what was drawn ahead of
its pending money is made good by what matures first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from billing import debts, ledger
from billing.ledger import Account, Entry
from billing.postings import earnings as postings
from kernel import db
from kernel.faults import crash_point
from kernel.ids import new_id
from orders.earnings import rows
from orders.earnings.rows import Earning

_REASON: Final = "let the earnings of all parties mature"

# A shop whose payouts are frozen, or that is suspended, keeps what its sales have earned where it
# is; and a tenant that is so stopped gets nothing of others' sales meanwhile. Looked at again in an
# hour, so that what is stopped for long is not in the way of what is due.
_DUE: Final = f"""
with due as (
    select * from earnings
    where matured_at is null and open_holds = 0 and due_at <= platform_now()
    order by due_at limit $1 for no key update skip locked
)
select {rows.COLUMNS},
       exists (select from tenants where id in (earning.tenant_id, earning.party_id)
               and (payouts_frozen or status = 'SUSPENDED')) as is_stopped
from due earning
"""
_MATURED: Final = """
update earnings set pending_minor = 0, available_minor = share.minor, matured_minor = share.minor,
       made_good_minor = share.made_good_minor, matured_at = platform_now(),
       matured_by = case when share.minor > 0 then $5::uuid end
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
     as share (order_id, share_id, minor, made_good_minor)
where (earnings.order_id, earnings.share_id) = (share.order_id, share.share_id)
  and earnings.matured_at is null
"""
_LATER: Final = """
update earnings set due_at = platform_now() + interval '1 hour'
from unnest($1::uuid[], $2::uuid[]) as stopped (order_id, share_id)
where (earnings.order_id, earnings.share_id) = (stopped.order_id, stopped.share_id)
"""


@dataclass(frozen=True, slots=True)
class Maturity:
    """What a batch of shares posts, and how much of each, in minor units, made good what had been
    drawn ahead."""

    entries: list[Entry]
    made_good_minor: dict[UUID, int]
    ahead: dict[Account, int]


def maturity(
    due: Sequence[Earning], *, ahead: Mapping[Account, int], debts_minor: Mapping[Account, int]
) -> Maturity:
    """Say what becomes of shares whose time has come; `ahead` and debts in minor units."""
    left, made_good = dict(ahead), {}
    by_party: dict[tuple[Account, Account, UUID], int] = defaultdict(int)
    for row in due:
        made_good[row.share_id] = min(row.pending_minor, left[row.pending])
        left[row.pending] -= made_good[row.share_id]
        by_party[row.pending, row.debt, row.party_id] += row.pending_minor - made_good[row.share_id]
    entries = []
    for (pending, debt, party_id), amount_minor in by_party.items():
        entries += postings.matured(
            party_id, pending.currency, amount_minor=amount_minor, debt_minor=debts_minor[debt]
        )
    moved = {account: left[account] - minor for account, minor in ahead.items()}
    return Maturity(entries, made_good, moved)


async def mature_due(at_most: int) -> int:
    """Let so many shares mature whose time has come; returns how many were looked at."""
    async with db.transaction(db.every_tenant(reason=_REASON)):
        found = await db.fetch(_DUE, at_most)
        stopped = [row for row in found if row["is_stopped"]]
        if stopped:
            await db.execute(
                _LATER,
                [row["order_id"] for row in stopped],
                [row["share_id"] for row in stopped],
            )
        due = [
            rows.earning_of({name: value for name, value in row.items() if name != "is_stopped"})
            for row in found
            if not row["is_stopped"]
        ]
        if due:
            await _mature(due)
            crash_point("earnings.matured")
    if due:
        crash_point("earnings.committed")
    return len(found)


async def _mature(due: Sequence[Earning]) -> None:
    pending = sorted({row.pending for row in due}, key=lambda account: account.id)
    owed = sorted({row.debt for row in due}, key=lambda account: account.id)
    _, debts_minor = await debts.lock_balances_and_debts(pending, owed)
    found = maturity(due, ahead=await rows.ahead_of(pending), debts_minor=debts_minor)
    posting_id = new_id()
    if found.entries:
        await ledger.post(
            found.entries,
            kind="E6_MATURITY",
            idempotency_key=f"maturity:{posting_id}",
            tenant_id=None,
            posting_id=posting_id,
        )
    await rows.write_ahead(found.ahead)
    await db.execute(
        _MATURED,
        [row.order_id for row in due],
        [row.share_id for row in due],
        [row.pending_minor for row in due],
        [found.made_good_minor[row.share_id] for row in due],
        posting_id if found.entries else None,
    )
