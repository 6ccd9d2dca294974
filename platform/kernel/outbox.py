"""What a tenant's programs are to hear of: written with the change itself, delivered afterwards.

An event is a row of the transaction that makes the change, so it is told if and only if the change
is. Nobody who listens: no row. Orders, tenants' statuses, payouts, low balances and price alerts
tell by themselves, by triggers; who has something else to tell calls `tell`, or `tell_tenant(…)` as
a part of a single statement.
`notifications` delivers.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

import orjson

from kernel import db


class EventType(StrEnum):
    """What happened; the words are those that a tenant's program reads."""

    ORDER_CREATED = "order.created"
    ORDER_PAID = "order.paid"
    ORDER_DELIVERED = "order.delivered"
    ORDER_EXPIRED = "order.expired"
    ORDER_CANCELED = "order.canceled"
    ORDER_REFUNDED = "order.refunded"
    ORDER_NEEDS_CORRECTION = "order.needs_correction"
    BALANCE_CHANGED = "balance.changed"
    BALANCE_LOW = "balance.low"
    DEPOSIT_LOW = "deposit.low"
    PRICE_ALERT = "price.alert"
    TENANT_STATUS_CHANGED = "tenant.status_changed"
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105 - an event's name
    PAYOUT_CHANGED = "payout.changed"
    PAYOUT_METHOD_CHANGED = "payout.method_changed"
    STEP_UP_CODE_ASKED = "step_up.code_asked"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_DUE = "dispute.due"
    DISPUTE_CLOSED = "dispute.closed"
    INSTALMENT_DUE = "instalment.due"
    INSTALMENT_ENDED = "instalment.ended"
    WEBHOOK_PING = "webhook.ping"


#: What an event is about; its `sequence` grows for each object of a kind.
OBJECT_KINDS: Final = {
    EventType.BALANCE_CHANGED: "balance",
    EventType.BALANCE_LOW: "balance",
    EventType.DEPOSIT_LOW: "balance",
    EventType.PRICE_ALERT: "price",
    EventType.TENANT_STATUS_CHANGED: "tenant",
    EventType.PASSWORD_RESET_ASKED: "password",
    EventType.PAYOUT_CHANGED: "payout",
    EventType.PAYOUT_METHOD_CHANGED: "payout",
    EventType.STEP_UP_CODE_ASKED: "step_up",
    EventType.DISPUTE_OPENED: "dispute",
    EventType.DISPUTE_DUE: "dispute",
    EventType.DISPUTE_CLOSED: "dispute",
    EventType.INSTALMENT_DUE: "instalment",
    EventType.INSTALMENT_ENDED: "instalment",
    EventType.WEBHOOK_PING: "webhook",
}

#: What opens an account, or moves its money: for webhooks that an owner has made.
OPENS_ACCOUNTS: Final = (EventType.PASSWORD_RESET_ASKED, EventType.STEP_UP_CODE_ASKED)

Fact = str | int | bool | None


async def tell(
    event: EventType, *, tenant_id: UUID, object_id: UUID, facts: Mapping[str, Fact]
) -> bool:
    """Tell a tenant inside the open transaction of the core; False when nobody there listens.

    `facts` go into the message as they are: words for programs in camel case, ids in their outside
    form, at most 4,000 bytes, and nothing that the tenant may not know. Events of one object keep
    their order if the transactions that tell of it come one after the other, under a lock of the
    object's own row.
    """
    told: bool = await db.fetch_value(
        "select tell_tenant($1, $2, $3, $4, null, $5::text::jsonb)",
        tenant_id,
        str(event),
        OBJECT_KINDS[event],
        object_id,
        orjson.dumps(dict(facts)).decode(),
    )
    return told
