"""Orders while they change."""

from collections.abc import AsyncIterator

import strawberry

from kernel import db, valkey
from orders import news
from orders.queries import order_view
from schema.context import Info, caller_of
from schema.order_types import Order, order_type


@strawberry.type
class OrderEvent:
    """The order as it is now; `cursor` grows, a lost event is made good by the next."""

    cursor: int
    order: Order


LOOK_AGAIN_SECONDS = 2.0


@strawberry.type
class OrderSubscription:
    """Orders while they change."""

    @strawberry.subscription(description="An order each time it changes, and once at the start.")
    async def order_updated(
        self, info: Info, order_no: str, guest_token: str | None = None
    ) -> AsyncIterator[OrderEvent]:
        """This function will send the order whenever its version has grown.

        Before every event the caller is authenticated and the order looked up anew: a token that
        was revoked, or an order that is not the caller's, ends it.
        """
        context = info.context
        seen = 0
        listener: valkey.Listener | None = None
        try:
            while True:
                context.caller = await caller_of(context.token, context.shop)
                async with db.transaction(context.core(), read_only=True):
                    view = await order_view(
                        shop=context.shop,
                        viewer=context.viewer(guest_token),
                        order_no=order_no,
                    )
                if view.version > seen:
                    seen = view.version
                    yield OrderEvent(cursor=seen, order=order_type(view, context))
                if listener is None:
                    listener = valkey.Listener(news.channel(context.shop.id, view.id))
                await listener.wait(LOOK_AGAIN_SECONDS)
        finally:
            if listener is not None:
                await listener.close()
