"""From the outbox to the endpoints: a delivery for everyone who wants an event. And what is old."""

from typing import Final

from kernel import db
from kernel.faults import crash_point

EVENTS_AT_ONCE: Final = 500
FORGOTTEN_AT_ONCE: Final = 2_000
KEPT_DAYS: Final = 30

# One at a time hands on, so that deliveries appear in the order of their events. What one of them
# has not finished when it dies is new to the next one.
_HAND_ON = """
with turn as materialized (
    select pg_try_advisory_xact_lock(hashtext('notifications.handing_on')) as mine
), new as materialized (
    select tenant_id, id, number, type, object_id from outbox_events
    where handed_on_at is null and (select mine from turn)
    order by number limit $1 for update skip locked
), written as (
    insert into webhook_deliveries (tenant_id, id, endpoint_id, event_id, number, object_id,
                                    next_attempt_at)
    select new.tenant_id, gen_random_uuid(), e.id, new.id, new.number, new.object_id,
           platform_now()
    from new join webhook_endpoints e
        on e.tenant_id = new.tenant_id and e.status in ('ACTIVE', 'DISABLED')
           and new.type = any (e.event_types)
    on conflict (endpoint_id, event_id) do nothing
)
update outbox_events told set handed_on_at = platform_now()
from new where told.id = new.id
"""


async def hand_on() -> int:
    """Write the deliveries of new events; says how many events were new."""
    async with db.transaction(db.every_tenant(reason="hand events on to endpoints")):
        handed = await db.execute(_HAND_ON, EVENTS_AT_ONCE)
        crash_point("webhook.handing_on")
    return handed


async def forget_old_events() -> int:
    """Forget events after a month, and with them what became of them."""
    async with db.transaction(db.every_tenant(reason="forget old events")):
        return await db.execute(
            """delete from outbox_events where id in (
                   select id from outbox_events
                   where occurred_at < platform_now() - make_interval(days => $1)
                   order by occurred_at limit $2)""",
            KEPT_DAYS,
            FORGOTTEN_AT_ONCE,
        )
