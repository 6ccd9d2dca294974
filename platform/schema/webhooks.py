"""Webhooks: where a shop's own programs listen, and what became of each message."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.errors import Invalid
from kernel.ids import parse_id
from kernel.outbox import EventType
from notifications import delivery_log, endpoints
from schema.connections import PageInfo
from schema.context import Info
from schema.inputs import moment_in
from schema.problems import Problem, Refusals
from schema.webhook_types import (
    Webhook,
    WebhookDelivery,
    WebhookDeliveryConnection,
    WebhookDeliveryEdge,
    WebhookDeliveryStatus,
    WebhookEventType,
    delivery_type,
    webhook_type,
)


@strawberry.input
class WebhookUpsertInput:
    """A new webhook, or with `webhookId` all of one that there is. With `sendsKeys` the messages of
    delivered purchases carry their keys: only an owner says so."""

    url: str
    event_types: list[WebhookEventType]
    webhook_id: strawberry.ID | None = None
    description: str = ""
    enabled: bool = True
    sends_keys: bool = False


@strawberry.input
class WebhookRef:
    """A webhook of the shop's."""

    webhook_id: strawberry.ID


@strawberry.input
class WebhookReplayInput:
    """One delivery; or a webhook, and from when on: without `since` all that is kept, a month."""

    delivery_id: strawberry.ID | None = None
    webhook_id: strawberry.ID | None = None
    since: datetime | None = None


@strawberry.type
class WebhookSaved:
    """`secret` signs the messages: it is told when it is made, and never again."""

    webhook: Webhook
    secret: str | None


@strawberry.type
class WebhookDeleted:
    """It is gone, and so is what was on its way to it."""

    webhook_id: strawberry.ID


@strawberry.type
class WebhookTested:
    """The test message, on its way: look for it among the deliveries."""

    delivery: WebhookDelivery


@strawberry.type
class WebhookReplayed:
    """How many messages are sent again; those on their way are not counted."""

    count: int


WebhookPayload = Annotated[WebhookSaved | Problem, strawberry.union("WebhookPayload")]
WebhookDeletePayload = Annotated[WebhookDeleted | Problem, strawberry.union("WebhookDeletePayload")]
WebhookTestPayload = Annotated[WebhookTested | Problem, strawberry.union("WebhookTestPayload")]
WebhookReplayPayload = Annotated[
    WebhookReplayed | Problem, strawberry.union("WebhookReplayPayload")
]


@strawberry.type
class WebhookQuery:
    """What the shop has told us to call, and what was called."""

    @strawberry.field(
        description="The shop's webhooks, ten at most.", metadata={"assumed_size": 10}
    )
    async def webhooks(self, info: Info) -> list[Webhook]:
        """Read them."""
        return [webhook_type(one) for one in await endpoints.endpoints_of(info.context.shop.id)]

    @strawberry.field(description="What became of a webhook's messages, the newest event first.")
    async def webhook_deliveries(
        self,
        info: Info,
        webhook_id: strawberry.ID,
        status: WebhookDeliveryStatus | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> WebhookDeliveryConnection:
        """Read a page of the log."""
        page = await delivery_log.deliveries(
            info.context.shop.id,
            parse_id("whk", webhook_id, field="webhookId"),
            status=status.value if status else None,
            first=first,
            after=after,
        )
        edges = [
            WebhookDeliveryEdge(cursor=cursor, node=delivery_type(row))
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return WebhookDeliveryConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class WebhookMutation:
    """Saying where to call, and to call again."""

    @strawberry.mutation(description="Make a webhook, or change one.", extensions=[Refusals()])
    async def webhook_upsert(self, info: Info, input: WebhookUpsertInput) -> WebhookPayload:
        """Write a webhook; a new one's secret is in the answer."""
        tenant_id = info.context.shop.id
        wish = endpoints.Wish(
            url=input.url,
            description=input.description,
            event_types=[EventType(one.value) for one in input.event_types],
            enabled=input.enabled,
            by_owner=_is_owner(info),
            sends_keys=input.sends_keys,
        )
        if input.webhook_id is None:
            made, secret = await endpoints.create(tenant_id, wish)
            return WebhookSaved(webhook=webhook_type(made), secret=secret)
        known = parse_id("whk", input.webhook_id, field="webhookId")
        changed = await endpoints.change(tenant_id, known, wish)
        return WebhookSaved(webhook=webhook_type(changed), secret=None)

    @strawberry.mutation(
        description="Give a webhook a new secret; the old one signs as well for a day.",
        extensions=[Refusals()],
    )
    async def webhook_secret_rotate(self, info: Info, input: WebhookRef) -> WebhookPayload:
        """Change who signs."""
        known = parse_id("whk", input.webhook_id, field="webhookId")
        changed, secret = await endpoints.rotate(
            info.context.shop.id, known, by_owner=_is_owner(info)
        )
        return WebhookSaved(webhook=webhook_type(changed), secret=secret)

    @strawberry.mutation(description="End a webhook.", extensions=[Refusals()])
    async def webhook_delete(self, info: Info, input: WebhookRef) -> WebhookDeletePayload:
        """Take an endpoint away."""
        known = parse_id("whk", input.webhook_id, field="webhookId")
        await endpoints.delete(info.context.shop.id, known)
        return WebhookDeleted(webhook_id=input.webhook_id)

    @strawberry.mutation(
        description="Send a webhook a message that says nothing.", extensions=[Refusals()]
    )
    async def webhook_test(self, info: Info, input: WebhookRef) -> WebhookTestPayload:
        """Put a ping on its way."""
        known = parse_id("whk", input.webhook_id, field="webhookId")
        sent = await delivery_log.ping(info.context.shop.id, known)
        return WebhookTested(delivery=delivery_type(sent))

    @strawberry.mutation(description="Send messages again.", extensions=[Refusals()])
    async def webhook_replay(self, info: Info, input: WebhookReplayInput) -> WebhookReplayPayload:
        """Put one delivery, or an endpoint's since a time, on its way again."""
        tenant_id = info.context.shop.id
        if (input.delivery_id is None) == (input.webhook_id is None):
            raise Invalid("Name a delivery or a webhook, one of the two.", field="deliveryId")
        if input.delivery_id is not None:
            delivery = parse_id("wdl", input.delivery_id, field="deliveryId")
            return WebhookReplayed(count=await delivery_log.replay(tenant_id, delivery))
        assert input.webhook_id is not None
        known = parse_id("whk", input.webhook_id, field="webhookId")
        since = None if input.since is None else moment_in(input.since, field="since")
        return WebhookReplayed(count=await delivery_log.replay_since(tenant_id, known, since))


def _is_owner(info: Info) -> bool:
    return "STAFF_OWNER" in info.context.roles
