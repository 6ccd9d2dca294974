"""Disputes as a shop sees its own, and an operator all: what they are about, and how they stand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from orders.disputes.answering import tenant_of
from orders.disputes.evidence import Evidence, evidence_of

CaseId = UUID
Within = UUID | None
"""Of which tenant cases are looked for; None: of all."""


@dataclass(frozen=True, slots=True)
class DisputeView:
    """One dispute; amounts in minor units of `currency`."""

    id: UUID
    tenant_id: UUID
    order_no: str | None
    state: str
    reason: str
    currency: str
    amount_minor: int
    fee_minor: int
    liability: str
    goods: str
    opened_at: datetime
    due_at: datetime | None
    is_over: bool
    answer_state: str | None


@dataclass(frozen=True, slots=True)
class DisputePage:
    """A page of disputes, the newest first."""

    rows: tuple[DisputeView, ...]
    cursors: tuple[str, ...]
    has_next: bool


_SELECT: Final = """
select kase.id, kase.tenant_id, orders.no as order_no, kase.state::text as state, kase.reason,
       kase.currency::text as currency, kase.amount_minor::bigint as amount_minor,
       kase.fee_minor::bigint as fee_minor, kase.liability, kase.goods, kase.opened_at, kase.due_at,
       kase.settled_at is not null as is_over,
       (select answer.state from dispute_answers answer where answer.dispute_id = kase.id
        order by answer.created_at desc, answer.id desc limit 1) as answer_state
from disputes kase
left join orders on orders.id = kase.order_id and orders.tenant_id = kase.tenant_id
"""
_PAGE: Final = f"""
{_SELECT}
where ($1::uuid is null or kase.tenant_id = $1)
  and ($2::boolean is null or (kase.settled_at is null) = $2)
  and ($3::timestamptz is null or (kase.opened_at, kase.id) < ($3, $4::uuid))
order by kase.opened_at desc, kase.id desc limit $5
"""


async def disputes_page(
    *, tenant_id: UUID | None, is_open: bool | None, first: int | None, after: str | None
) -> DisputePage:
    """A shop's disputes, or (None) everybody's: the caller has checked who asks."""
    size = cursors.page_size(first)
    about = f"disputes:{is_open}"
    place = cursors.read(after, tenant_id=tenant_id, about=about)
    since, last_id = (None, None)
    if place is not None:
        since, last_id = datetime.fromisoformat(place[0]), UUID(place[1])
    scope = (
        db.every_tenant(reason="an operator lists disputes")
        if tenant_id is None
        else db.core_scope(tenant_id)
    )
    rows = await db.read(scope, _PAGE, tenant_id, is_open, since, last_id, size + 1)
    shown = tuple(DisputeView(**row) for row in rows[:size])
    marks = tuple(
        cursors.write([view.opened_at.isoformat(), str(view.id)], tenant_id=tenant_id, about=about)
        for view in shown
    )
    return DisputePage(shown, marks, len(rows) > size)


async def dispute_view(case_id: CaseId, *, within: Within) -> tuple[DisputeView, Evidence]:
    """One dispute with everything that can be proved about it. For operators.

    Raises `NotFound`.
    """
    tenant_id = await tenant_of(case_id, within=within)
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        row: Any = await db.fetch_row(f"{_SELECT} where kase.id = $1", case_id)
        evidence = await evidence_of(case_id)
    if row is None or evidence is None:
        raise NotFound("There is no such dispute.", field="disputeId")
    return DisputeView(**row), evidence
