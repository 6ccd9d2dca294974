"""Orders while they change."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import strawberry

from identity.tokens import Caller
from kernel.watching import Watches
from orders import news
from orders.queries import OrderView, order_view
from schema.context import Context, Info
from schema.order_types import Order, order_type
from schema.permissions import ask_again
from tenants.directory import Shop

LOOK_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Topic:
    """Who watches which order. Who has the same of all this is shown the same."""

    shop: Shop
    order_no: str
    token: str | None
    guest_token: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look has found: who asks, and the order as it is for him."""

    caller: Caller | None
    view: OrderView


_watches: Final = Watches[_Topic, _Seen]()


@strawberry.type
class OrderEvent:
    """The order as it is now; `cursor` grows, a lost event is made good by the next."""

    cursor: int
    order: Order


@strawberry.type
class OrderSubscription:
    """Orders while they change."""

    @strawberry.subscription(description="An order each time it changes, and once at the start.")
    async def order_updated(
        self, info: Info, order_no: str, guest_token: str | None = None
    ) -> AsyncIterator[OrderEvent]:
        """Send the order whenever its version has grown.

        Before every event the caller is authenticated and the order looked up anew: a token that
        was revoked, or an order that is not the caller's, ends it. All who watch the same order
        with the same token share the looks.
        """
        context, seen_version = info.context, 0
        del info  # the whole of what graphql-core knew: it may be long until the last event
        topic = _Topic(context.shop, order_no, context.token, guest_token)
        asker = replace(context)  # the first one may leave before the others
        async with _watches.watching(
            topic,
            look=lambda: _look(topic, asker),
            channel=lambda seen: news.channel(topic.shop.id, seen.view.id),
            again_seconds=LOOK_AGAIN_SECONDS,
        ) as watch:
            seen = await watch.first()
            while True:
                context.caller = seen.caller
                if seen.view.version > seen_version:
                    seen_version = seen.view.version
                    yield OrderEvent(cursor=seen_version, order=order_type(seen.view, context))
                seen = await watch.newer(seen)


async def _look(topic: _Topic, asker: Context) -> _Seen:
    caller = await ask_again(asker, "Subscription.orderUpdated")
    view = await order_view(
        shop=topic.shop, viewer=asker.viewer(topic.guest_token), order_no=topic.order_no
    )
    return _Seen(caller, view)
