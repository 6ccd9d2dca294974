"""Events: a frozen picture of an object, recorded with the change and owed to the webhook."""

from typing import Any

from sandbox.stripe import mail
from sandbox.stripe.config import API_VERSION
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work


def emit(
    work: Work,
    event_type: str,
    body: Json,
    *,
    previous: dict[str, Any] | None = None,
    account: str | None = None,
) -> Json:
    """Record an event about the object as it is now, and owe its delivery.

    `previous` holds the old values of what an `updated` event changed; `account` is the connected
    account that the event is of, if it is not of the platform's own.
    """
    data: Json = {"object": public(body)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = work.store.insert(
        {
            "id": new_id("evt_3"),
            "object": "event",
            "api_version": API_VERSION,
            "created": work.created,
            "data": data,
            "livemode": False,
            "pending_webhooks": int(work.config.hears_of(event_type)),
            "request": {"id": work.request_id, "idempotency_key": work.idempotency_key},
            "type": event_type,
            **({} if account is None else {"account": account}),
        }
    )
    _owe(work, event)
    return event


def current(work: Work, event: Json) -> Json:
    """Give the event with the number of webhooks that still wait for it."""
    return {**event, "pending_webhooks": mail.waiting(work.store, event_id=event["id"])}


def resend(work: Work, *, event_id: str) -> Json:
    """Owe the event once more, whatever became of its other deliveries."""
    event = work.store.get(kind="event", object_id=event_id)
    mail.owe(work.store, event_id=event["id"], state="pending", due_at=work.now)
    return current(work, event)


def _owe(work: Work, event: Json) -> None:
    if not work.config.hears_of(event["type"]):
        return
    for _ in range(work.faults.copies()):
        mail.owe(
            work.store,
            event_id=event["id"],
            state=work.faults.delivery_state(event_type=event["type"]),
            due_at=work.now + work.faults.delivery_delay_seconds(),
        )
