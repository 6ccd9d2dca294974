"""The audit log: who decided what, in a chain that nobody alters unseen (A80).

Triggers write the events, in the statement that makes the change; a sweep chains them. The head of
the chain, kept somewhere else, proves later that nothing below it was altered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from kernel import cursors, db

SEALED_AT_ONCE: Final = 1_000
_ABOUT = "audit log"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change of what people decide. `before` is None for what is new, `after` for what is gone;
    of a change both hold what has changed and nothing else."""

    number: int
    happened_at: datetime
    actor: str
    tenant_id: UUID | None
    subject: str
    subject_id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    sequence: int | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of events, the newest first."""

    events: tuple[AuditEvent, ...]
    cursors: tuple[str, ...]
    has_next: bool


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last link of the chain: how many there are, and a hash over all of them."""

    sequence: int
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are asked for: a tenant's; what is None is not asked about."""

    tenant_id: UUID
    actor: str | None = None
    subject: str | None = None
    subject_id: str | None = None
    for_tenant: bool = False
    """A tenant reads: what its parent and the platform have decided about it is theirs to tell."""
    with_platforms: bool = False
    """What belongs to no tenant as well: suppliers, what they ask, corrections of the ledger."""


async def seal_audit() -> int:
    """Chain the events that have ended since; returns how many."""
    async with db.transaction(db.core_scope()):
        sealed: int = await db.fetch_value("select seal_audit($1)", SEALED_AT_ONCE)
    return sealed


async def audit_head() -> AuditHead | None:
    """The last link; None while nothing has been decided."""
    rows = await db.read(
        db.core_scope(),
        "select sequence, hash, sealed_at from audit_seals order by sequence desc limit 1",
    )
    return AuditHead(**rows[0]) if rows else None


_PAGE = """
select event.number, happened_at, actor, tenant_id, subject, subject_id, action, before, after,
       sequence, hash
from audit_events event
left join audit_seals on event_number = event.number
where (tenant_id = $1::uuid or ($8 and tenant_id is null)) and ($2::text is null or actor = $2)
  and ($3::text is null or subject = $3) and ($4::text is null or subject_id = $4)
  and ($5::bigint is null or event.number < $5)
  and not ($7 and subject = 'tenants')
order by event.number desc limit $6
"""


async def audit_page(
    about: AuditFilter, *, reader_id: UUID | None, first: int | None, after: str | None
) -> AuditPage:
    """A page of events; `reader_id` is the tenant that reads, None the platform.

    The caller has checked that a tenant asks for its own.
    """
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=reader_id, about=_ABOUT)
    rows = await db.read(
        db.core_scope(reader_id),
        _PAGE,
        about.tenant_id,
        about.actor,
        about.subject,
        about.subject_id,
        place[0] if place else None,
        size + 1,
        about.for_tenant,
        about.with_platforms,
    )
    events = [_event(row) for row in rows[:size]]
    return AuditPage(
        events=tuple(events),
        cursors=tuple(
            cursors.write([event.number], tenant_id=reader_id, about=_ABOUT) for event in events
        ),
        has_next=len(rows) > size,
    )


def _event(row: Any) -> AuditEvent:
    before, after = (
        None if row[name] is None else orjson.loads(row[name]) for name in ("before", "after")
    )
    return AuditEvent(**{**row, "before": before, "after": after})
