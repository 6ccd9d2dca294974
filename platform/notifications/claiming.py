"""Which messages are sent next, and by whom: what is claimed is nobody else's for a while."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db
from kernel.crypto import Sealed
from kernel.outbox import OPENS_ACCOUNTS, EventType

LEASE_SECONDS: Final = 60
"""A worker that dies holds back what it was sending for so long."""
SENT_AT_ONCE_TO_ENDPOINT: Final = 4


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message to one endpoint, claimed: `attempts` tells this claim from every other."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    attempts: int
    tries: int
    url: str
    sends_keys: bool
    secret: bytes
    secret_key_id: int
    previous_secret: bytes | None
    previous_secret_key_id: int | None
    event_id: UUID
    event_type: str
    object_kind: str
    object_id: UUID
    sequence: int
    details: str
    occurred_at: datetime

    @property
    def carries_keys(self) -> bool:
        """True for a message that opens keys which the shop has bought, if there are any."""
        return self.sends_keys and self.event_type == EventType.ORDER_DELIVERED

    @property
    def is_confidential(self) -> bool:
        """True for a message whose receiver must not be quoted: it may say what it has heard."""
        return self.carries_keys or self.event_type in OPENS_ACCOUNTS

    @property
    def sealed_secrets(self) -> list[Sealed]:
        """The endpoint's secret, and the one before it while that still signs."""
        found = [Sealed(self.secret_key_id, self.secret)]
        if self.previous_secret is not None and self.previous_secret_key_id is not None:
            found.append(Sealed(self.previous_secret_key_id, self.previous_secret))
        return found


# Endpoints come first, each with its own few places: one that is slow, or has a long line, takes
# nothing from the others. One that has just failed gets one place, to see whether it is back. Of
# an object only the first message that nobody has taken yet may go.
_CLAIM = """
with recursive lanes as (
    (select endpoint_id from webhook_deliveries where status = 'PENDING'
     order by endpoint_id limit 1)
    union all
    select (select d.endpoint_id from webhook_deliveries d
            where d.status = 'PENDING' and d.endpoint_id > lanes.endpoint_id
            order by d.endpoint_id limit 1)
    from lanes where lanes.endpoint_id is not null
), moment as materialized (select platform_now() as now),
open as materialized (
    select e.id, case when e.failures_in_row > 0 then 1 else $2::int end
                 - (select count(*) from webhook_deliveries busy
                    where busy.endpoint_id = e.id and busy.claimed_until > moment.now) as places
    from moment, lanes join webhook_endpoints e on e.id = lanes.endpoint_id
    where e.status = 'ACTIVE' and coalesce(e.paused_until, moment.now) <= moment.now
), chosen as materialized (
    select next.id from moment, open cross join lateral (
        select d.id, row_number() over (order by d.next_attempt_at, d.number) as place
        from webhook_deliveries d
        where d.endpoint_id = open.id and d.status = 'PENDING'
          and d.next_attempt_at <= (select now from moment)
          and not exists (select from webhook_deliveries earlier
                          where earlier.endpoint_id = d.endpoint_id
                            and earlier.object_id = d.object_id
                            and earlier.status = 'PENDING' and earlier.number < d.number)
        order by d.next_attempt_at, d.number limit greatest(open.places, 0)
    ) as next
    order by next.place limit $1
), mine as materialized (
    select d.id from webhook_deliveries d
    where d.id in (select id from chosen) and d.status = 'PENDING'
      and d.next_attempt_at <= (select now from moment)
    for update skip locked
)
update webhook_deliveries d
set attempts = d.attempts + 1, tries = d.tries + 1,
    next_attempt_at = moment.now + make_interval(secs => $3),
    claimed_until = moment.now + make_interval(secs => $3)
from mine, moment, webhook_endpoints e, outbox_events told
where d.id = mine.id and e.id = d.endpoint_id and told.id = d.event_id
returning d.id, d.tenant_id, d.endpoint_id, d.attempts, d.tries, e.url, e.sends_keys, e.secret,
    e.secret_key_id,
    case when e.previous_until > moment.now then e.previous_secret end as previous_secret,
    e.previous_secret_key_id, told.id as event_id, told.type as event_type, told.object_kind,
    told.object_id, told.sequence, told.details::text as details, told.occurred_at
"""


async def claim(at_most: int) -> list[Claimed]:
    """Claim messages that are due, for a lease; two workers never get the same one."""
    async with db.transaction(db.every_tenant(reason="send webhooks")):
        rows = await db.fetch(_CLAIM, at_most, SENT_AT_ONCE_TO_ENDPOINT, float(LEASE_SECONDS))
    return [Claimed(**row) for row in rows]
