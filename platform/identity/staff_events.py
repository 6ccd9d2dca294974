"""Evidence of who gave what to whom: appended, and never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from identity.models import StaffEventKind
from kernel import db
from kernel.ids import new_id

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class StaffEventView:
    """One event. `rights_*` are roles of a member or an invitation, scopes of a program."""

    id: UUID
    happened_at: datetime
    actor: str
    kind: StaffEventKind
    subject_id: UUID
    rights_before: tuple[str, ...]
    rights_after: tuple[str, ...]


async def note(
    *,
    tenant_id: UUID,
    actor: str,
    kind: StaffEventKind,
    subject_id: UUID,
    before: Iterable[str] = (),
    after: Iterable[str] = (),
) -> None:
    """Write an event in the transaction that makes it true."""
    await db.execute(
        """insert into staff_events (tenant_id, id, actor, kind, subject_id, rights_before,
                                     rights_after)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        tenant_id,
        new_id(),
        actor,
        kind,
        subject_id,
        sorted(before),
        sorted(after),
    )


async def newest_events(*, tenant_id: UUID, first: int) -> list[StaffEventView]:
    """Read the last events of a tenant, the newest first: 100 at most."""
    rows = await db.read(
        db.core_scope(tenant_id),
        """select id, happened_at, actor, kind, subject_id, rights_before, rights_after
           from staff_events where tenant_id = $1
           order by happened_at desc, id desc limit $2""",
        tenant_id,
        min(first, MOST_AT_ONCE),
    )
    return [
        StaffEventView(
            row["id"],
            row["happened_at"],
            row["actor"],
            StaffEventKind(row["kind"]),
            row["subject_id"],
            tuple(row["rights_before"]),
            tuple(row["rights_after"]),
        )
        for row in rows
    ]
