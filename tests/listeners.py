"""Endpoints that listen, planted by the owner in plain SQL, and what the outbox has for them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from kernel import crypto
from kernel.ids import new_id

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ORDER_EVENTS = (
    "order.created",
    "order.paid",
    "order.delivered",
    "order.expired",
    "order.canceled",
    "order.refunded",
)


async def plant_endpoint(
    owner: asyncpg.Connection,
    tenant_id: UUID,
    *,
    url: str = "https://hooks.example.test/",
    event_types: Sequence[str] = ORDER_EVENTS,
    slot: int = 1,
) -> UUID:
    """An endpoint of a tenant, with `SECRET`."""
    endpoint_id = new_id()
    sealed = crypto.keyring().seal(SECRET.encode(), bound_to=endpoint_id.bytes)
    await owner.execute(
        """insert into webhook_endpoints (tenant_id, id, slot, url, event_types, secret,
                                          secret_key_id)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        tenant_id,
        endpoint_id,
        slot,
        url,
        list(event_types),
        sealed.ciphertext,
        sealed.key_id,
    )
    return endpoint_id


async def plant_delivery(
    owner: asyncpg.Connection,
    tenant_id: UUID,
    endpoint_id: UUID,
    *,
    answer: str,
    sequence: int = 1,
) -> UUID:
    """A message that an endpoint has taken, and what it said to it."""
    event = await owner.fetchrow(
        """insert into outbox_events (tenant_id, type, object_kind, object_id, sequence,
                                      handed_on_at)
           values ($1, 'balance.low', 'balance', $1, $2, platform_now()) returning id, number""",
        tenant_id,
        sequence,
    )
    delivery_id = new_id()
    await owner.execute(
        """insert into webhook_deliveries (tenant_id, id, endpoint_id, event_id, number, object_id,
                                           status, attempts, ended_at)
           values ($1, $2, $3, $4, $5, $1, 'DELIVERED', 1, platform_now())""",
        tenant_id,
        delivery_id,
        endpoint_id,
        event["id"],
        event["number"],
    )
    await owner.execute(
        """insert into webhook_attempts (tenant_id, id, delivery_id, number, sent_at, status_code,
                                         latency_ms, answer)
           values ($1, gen_random_uuid(), $2, 1, now(), 200, 7, $3)""",
        tenant_id,
        delivery_id,
        answer,
    )
    return delivery_id


async def told(owner: asyncpg.Connection, tenant_id: UUID) -> list[dict[str, Any]]:
    """What the outbox holds for a tenant, in the order in which it was told."""
    rows = await owner.fetch(
        """select type, object_kind, object_id, sequence, details from outbox_events
           where tenant_id = $1 order by number""",
        tenant_id,
    )
    return [dict(row) for row in rows]


async def told_types(owner: asyncpg.Connection, tenant_id: UUID) -> list[str]:
    """The same, its types alone."""
    return [row["type"] for row in await told(owner, tenant_id)]
