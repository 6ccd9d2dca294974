"""What became of each message, for the endpoint's owner; and sending it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound, RateLimited
from kernel.ids import new_id
from notifications.endpoints import not_found

REPLAYED_AT_MOST: Final = 1_000
PINGS_A_MINUTE: Final = 10
_ATTEMPTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: `failure` is None for a message that was taken."""

    number: int
    sent_at: datetime
    status_code: int | None
    latency_ms: int
    failure: str | None
    answer: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event's message to one endpoint, with its last tries, the latest first."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    sequence: int
    status: str
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    number: int
    tries: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of deliveries, the newest event first."""

    rows: tuple[Delivery, ...]
    cursors: tuple[str, ...]
    has_next: bool


_COLUMNS = f"""d.id, d.endpoint_id, d.event_id, told.type as event_type, told.sequence, d.status,
       d.attempts, d.next_attempt_at, d.created_at, d.ended_at, d.number,
       array(select row(a.number, a.sent_at, a.status_code, a.latency_ms, a.failure, a.answer)
             from webhook_attempts a where a.delivery_id = d.id
             order by a.number desc limit {_ATTEMPTS_SHOWN}) as tries"""
_PAGE = f"""
select {_COLUMNS}
from webhook_deliveries d join outbox_events told on told.id = d.event_id
where d.tenant_id = $1 and d.endpoint_id = $2 and ($3::text is null or d.status = $3)
  and ($4::bigint is null or d.number < $4)
order by d.number desc limit $5
"""
_ONE = f"""
select {_COLUMNS}
from webhook_deliveries d join outbox_events told on told.id = d.event_id
where d.tenant_id = $1 and d.id = $2
"""
# What is on its way is left alone. The message keeps its event's id.
_AGAIN = """
status = 'PENDING', tries = 0, next_attempt_at = platform_now(), ended_at = null
"""
_REPLAY = f"""
update webhook_deliveries d set {_AGAIN}
from webhook_endpoints e
where d.tenant_id = $1 and d.id = $2 and d.status <> 'PENDING'
  and e.id = d.endpoint_id and e.status <> 'DELETED'
"""
# Also what was told while nobody wanted to hear of it any more.
_REPLAY_SINCE = f"""
with chosen as (
    select told.id, told.number, told.object_id from outbox_events told
    join webhook_endpoints e on e.tenant_id = told.tenant_id and e.id = $2
         and e.status <> 'DELETED' and told.type = any (e.event_types)
    where told.tenant_id = $1 and told.occurred_at >= coalesce($3::timestamptz, '-infinity')
    order by told.number limit {REPLAYED_AT_MOST}
)
insert into webhook_deliveries as d (tenant_id, id, endpoint_id, event_id, number, object_id,
                                     next_attempt_at)
select $1, gen_random_uuid(), $2, chosen.id, chosen.number, chosen.object_id, platform_now()
from chosen
on conflict (endpoint_id, event_id) do update set {_AGAIN} where d.status <> 'PENDING'
"""
# The endpoint's row is locked: two who test it at once are counted one after the other.
_LATELY = """
select (select count(*) from webhook_deliveries d
        where d.endpoint_id = e.id and d.object_id = e.id
          and d.created_at > platform_now() - interval '1 minute') as pings
from webhook_endpoints e where e.tenant_id = $1 and e.id = $2 and e.status <> 'DELETED'
for no key update
"""
_PING = """
with ping as (
    insert into outbox_events (tenant_id, type, object_kind, object_id, sequence, handed_on_at)
    select tenant_id, 'webhook.ping', 'webhook', id, nextval('outbox_sequence'), platform_now()
    from webhook_endpoints where tenant_id = $1 and id = $2 and status <> 'DELETED'
    returning id, number, object_id
)
insert into webhook_deliveries (tenant_id, id, endpoint_id, event_id, number, object_id,
                                next_attempt_at)
select $1, $3, $2, ping.id, ping.number, ping.object_id, platform_now() from ping
"""


async def deliveries(
    tenant_id: UUID,
    endpoint_id: UUID,
    *,
    status: str | None,
    first: int | None,
    after: str | None,
) -> DeliveryPage:
    """A page of an endpoint's deliveries; of none for what is not the tenant's.

    Raises `Invalid` for a page or a cursor that is none.
    """
    size = cursors.page_size(first)
    about = f"webhookDeliveries:{endpoint_id}"
    place = cursors.read(after, tenant_id=tenant_id, about=about)
    rows = await db.read(
        db.core_scope(tenant_id),
        _PAGE,
        tenant_id,
        endpoint_id,
        status,
        int(place[0]) if place else None,
        size + 1,
    )
    found = tuple(_delivery(row) for row in rows[:size])
    return DeliveryPage(
        found,
        tuple(cursors.write([one.number], tenant_id=tenant_id, about=about) for one in found),
        len(rows) > size,
    )


async def ping(tenant_id: UUID, endpoint_id: UUID) -> Delivery:
    """Send an endpoint a message that says nothing. Raises `NotFound` and `RateLimited`."""
    delivery_id = new_id()
    async with db.transaction(db.core_scope(tenant_id)):
        found = await db.fetch_row(_LATELY, tenant_id, endpoint_id)
        if found is None:
            raise not_found()
        if found["pings"] >= PINGS_A_MINUTE:
            raise RateLimited("Too many attempts. Try again in 1 minute.")
        await db.execute(_PING, tenant_id, endpoint_id, delivery_id)
    return await _one(tenant_id, delivery_id)


async def replay(tenant_id: UUID, delivery_id: UUID) -> int:
    """Send a message again that has ended; 0 for one that is on its way. Raises `NotFound`."""
    async with db.transaction(db.core_scope(tenant_id)):
        again = await db.execute(_REPLAY, tenant_id, delivery_id)
    if not again:
        await _one(tenant_id, delivery_id)
    return again


async def replay_since(tenant_id: UUID, endpoint_id: UUID, since: datetime | None) -> int:
    """Send an endpoint again what happened since then and it wants, at most 1,000 events: the
    oldest; of all that is kept where no time is named.

    Says how many; what is on its way counts for none. Raises `NotFound`.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        known = await db.fetch_value(
            """select exists (select from webhook_endpoints
                              where tenant_id = $1 and id = $2 and status <> 'DELETED')""",
            tenant_id,
            endpoint_id,
        )
        if not known:
            raise not_found()
        return await db.execute(_REPLAY_SINCE, tenant_id, endpoint_id, since)


async def _one(tenant_id: UUID, delivery_id: UUID) -> Delivery:
    rows = await db.read(db.core_scope(tenant_id), _ONE, tenant_id, delivery_id)
    if not rows:
        raise NotFound("There is no such webhook delivery.", field="deliveryId")
    return _delivery(rows[0])


def _delivery(row: Mapping[str, Any]) -> Delivery:
    values = dict(row)
    values["tries"] = tuple(Attempt(*one) for one in values["tries"])
    return Delivery(**values)
