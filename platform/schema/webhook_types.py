"""How webhooks and their deliveries are shown to those who own them."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from kernel.outbox import EventType
from notifications.delivery_log import Delivery
from notifications.endpoints import Endpoint
from notifications.messages import event_id
from schema.connections import PageInfo


@strawberry.enum(description="What a webhook is told; its messages say it with a point.")
class WebhookEventType(Enum):
    """The events of the outbox but for the ping."""

    ORDER_CREATED = EventType.ORDER_CREATED.value
    ORDER_PAID = EventType.ORDER_PAID.value
    ORDER_DELIVERED = EventType.ORDER_DELIVERED.value
    ORDER_EXPIRED = EventType.ORDER_EXPIRED.value
    ORDER_CANCELED = EventType.ORDER_CANCELED.value
    ORDER_REFUNDED = EventType.ORDER_REFUNDED.value
    ORDER_NEEDS_CORRECTION = EventType.ORDER_NEEDS_CORRECTION.value
    BALANCE_CHANGED = EventType.BALANCE_CHANGED.value
    BALANCE_LOW = EventType.BALANCE_LOW.value
    DEPOSIT_LOW = EventType.DEPOSIT_LOW.value
    PRICE_ALERT = EventType.PRICE_ALERT.value
    TENANT_STATUS_CHANGED = EventType.TENANT_STATUS_CHANGED.value
    DISPUTE_OPENED = EventType.DISPUTE_OPENED.value
    DISPUTE_DUE = EventType.DISPUTE_DUE.value
    DISPUTE_CLOSED = EventType.DISPUTE_CLOSED.value
    PASSWORD_RESET_ASKED = EventType.PASSWORD_RESET_ASKED.value
    PAYOUT_CHANGED = EventType.PAYOUT_CHANGED.value
    PAYOUT_METHOD_CHANGED = EventType.PAYOUT_METHOD_CHANGED.value
    STEP_UP_CODE_ASKED = EventType.STEP_UP_CODE_ASKED.value


@strawberry.enum
class WebhookStatus(Enum):
    """OFF by its owner; DISABLED after days without an answer, until it is saved again."""

    ACTIVE = "ACTIVE"
    OFF = "OFF"
    DISABLED = "DISABLED"


@strawberry.enum
class WebhookDeliveryStatus(Enum):
    """FAILED: given up after three days; it can be replayed."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@strawberry.type
class WebhookAlert:
    """PAUSED: it failed again and again, and is left alone for a while. DISABLED: for days."""

    kind: str
    raised_at: datetime


@strawberry.type
class Webhook:
    """An address of the shop's own that is called when something happens."""

    id: strawberry.ID
    url: str
    description: str
    event_types: list[WebhookEventType]
    status: WebhookStatus
    sends_keys: bool
    failures_in_row: int
    paused_until: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime
    alerts: list[WebhookAlert] = strawberry.field(metadata={"assumed_size": 5})


@strawberry.type
class WebhookAttempt:
    """One call: `failure` is null for a message that was taken; `answer` begins what came back."""

    number: int
    sent_at: datetime
    status_code: int | None
    latency_ms: int
    failure: str | None
    answer: str


@strawberry.type
class WebhookDelivery:
    """One event's message to one webhook; `attempts` has the last twenty, the latest first."""

    id: strawberry.ID
    webhook_id: strawberry.ID
    event_id: strawberry.ID
    event_type: str
    status: WebhookDeliveryStatus
    attempt_count: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    attempts: list[WebhookAttempt] = strawberry.field(metadata={"assumed_size": 20})


@strawberry.type
class WebhookDeliveryEdge:
    """A delivery and the cursor behind it."""

    cursor: str
    node: WebhookDelivery


@strawberry.type
class WebhookDeliveryConnection:
    """A page of deliveries."""

    edges: list[WebhookDeliveryEdge]
    page_info: PageInfo


def webhook_type(endpoint: Endpoint) -> Webhook:
    """Show an endpoint."""
    return Webhook(
        id=strawberry.ID(public_id("whk", endpoint.id)),
        url=endpoint.url,
        description=endpoint.description,
        event_types=[WebhookEventType(wanted) for wanted in endpoint.event_types],
        status=WebhookStatus(endpoint.status),
        sends_keys=endpoint.sends_keys,
        failures_in_row=endpoint.failures_in_row,
        paused_until=endpoint.paused_until,
        previous_secret_until=endpoint.previous_until,
        created_at=endpoint.created_at,
        alerts=[
            WebhookAlert(kind=alert.kind, raised_at=alert.raised_at) for alert in endpoint.alerts
        ],
    )


def delivery_type(delivery: Delivery) -> WebhookDelivery:
    """Show a delivery."""
    return WebhookDelivery(
        id=strawberry.ID(public_id("wdl", delivery.id)),
        webhook_id=strawberry.ID(public_id("whk", delivery.endpoint_id)),
        event_id=strawberry.ID(event_id(delivery.event_id)),
        event_type=delivery.event_type,
        status=WebhookDeliveryStatus(delivery.status),
        attempt_count=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        created_at=delivery.created_at,
        ended_at=delivery.ended_at,
        attempts=[
            WebhookAttempt(
                number=one.number,
                sent_at=one.sent_at,
                status_code=one.status_code,
                latency_ms=one.latency_ms,
                failure=one.failure,
                answer=one.answer,
            )
            for one in delivery.tries
        ],
    )
