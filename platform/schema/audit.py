"""The audit log: who decided what. A shop's owner reads the shop's own part.

An operator reads that of the shop at whose address the request is; at the platform's own, what the
platform has decided about itself, or any tenant's by its id.
"""

from datetime import datetime

import orjson
import strawberry

from bookkeeping import audit
from bookkeeping.audit import AuditFilter
from kernel.ids import parse_id
from schema.connections import PageInfo
from schema.context import Context, Info

PLATFORM = "platform"


@strawberry.input
class AuditFilterInput:
    """What is not named is not asked about. `tenantId` is for operators, at the platform's own
    address."""

    tenant_id: strawberry.ID | None = None
    actor: str | None = None
    subject: str | None = None
    subject_id: str | None = None


@strawberry.type(description="One change of what people decide.")
class AuditEvent:
    """`subject` is what was changed and `subjectId` which; `before` and `after` are JSON objects of
    what has changed. `number` counts the events of all tenants; `hash` is the event's place in the
    chain, null until it is sealed."""

    number: int
    happened_at: datetime
    actor: str
    subject: str
    subject_id: str
    action: str
    before: str | None
    after: str | None
    sequence: int | None
    hash: str | None


@strawberry.type
class AuditEventEdge:
    """An event and the cursor that continues after it."""

    cursor: str
    node: AuditEvent


@strawberry.type
class AuditEventConnection:
    """A page of events, the newest first."""

    edges: list[AuditEventEdge]
    page_info: PageInfo


@strawberry.type(description="The last link of the audit chain: keep it elsewhere.")
class AuditHead:
    """`kameng audit --anchor SEQUENCE:HASH` later proves that nothing below it was altered."""

    sequence: int
    hash: str
    sealed_at: datetime


@strawberry.type
class AuditQuery:
    """Reading the audit log."""

    @strawberry.field(description="Who decided what, the newest first.")
    async def audit_log(
        self,
        info: Info,
        filter: AuditFilterInput | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> AuditEventConnection:
        """Read a page of the log; a shop reads its own."""
        context = info.context
        page = await audit.audit_page(
            _filter(context, filter or AuditFilterInput()),
            reader_id=None if context.is_operator else context.shop.id,
            first=first,
            after=after,
        )
        edges = [
            AuditEventEdge(cursor=cursor, node=_event(event, context))
            for event, cursor in zip(page.events, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return AuditEventConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )

    @strawberry.field(description="The head of the audit chain; null while it is empty.")
    async def audit_head(self, info: Info) -> AuditHead | None:
        """Read the last link."""
        head = await audit.audit_head()
        if head is None:
            return None
        return AuditHead(sequence=head.sequence, hash=head.hash.hex(), sealed_at=head.sealed_at)


def _filter(context: Context, asked: AuditFilterInput) -> AuditFilter:
    tenant_id = parse_id("ten", asked.tenant_id, field="tenantId") if asked.tenant_id else None
    is_root = len(context.shop.path) == 1
    if tenant_id is None or not (context.is_operator and is_root):
        tenant_id = context.shop.id
    return AuditFilter(
        tenant_id=tenant_id,
        actor=asked.actor,
        subject=asked.subject,
        subject_id=asked.subject_id,
        for_tenant=not context.is_operator,
        with_platforms=context.is_operator and is_root and not asked.tenant_id,
    )


def _event(event: audit.AuditEvent, context: Context) -> AuditEvent:
    return AuditEvent(
        number=event.number,
        happened_at=event.happened_at,
        actor=_name_of(event.actor, context),
        subject=event.subject,
        subject_id=event.subject_id,
        action=event.action,
        before=None if event.before is None else orjson.dumps(event.before).decode(),
        after=None if event.after is None else orjson.dumps(event.after).decode(),
        sequence=event.sequence,
        hash=None if event.hash is None else event.hash.hex(),
    )


def _name_of(actor: str, context: Context) -> str:
    """Who of the platform has decided is the platform's own matter."""
    return PLATFORM if actor.startswith("operator:") and not context.is_operator else actor
