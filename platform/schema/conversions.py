"""Orders that an affiliate has brought: a list of them, and news of each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import strawberry

from identity.tokens import Caller
from kernel.ids import public_id
from kernel.watching import Watches
from orders import news
from orders.conversions import listing
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.money import Money, amount
from schema.permissions import ask_again
from tenants.directory import Shop

LOOK_AGAIN_SECONDS: Final = 5.0


@strawberry.type(description="A paid order that the affiliate has brought.")
class Conversion:
    """`rule` is by what it thanks the affiliate; `commission` what was promised with it."""

    order_no: str
    rule: str
    link_id: strawberry.ID | None
    sub_id: str
    recorded_at: datetime
    paid: Money
    commission: Money


@strawberry.type
class ConversionEdge:
    """A conversion and the cursor that continues after it."""

    cursor: str
    node: Conversion


@strawberry.type
class ConversionConnection:
    """A page of conversions, the newest first."""

    edges: list[ConversionEdge]
    page_info: PageInfo


@strawberry.type
class ConversionQuery:
    """The affiliate's conversions."""

    @strawberry.field(description="Paid orders that the affiliate has brought, the newest first.")
    async def conversions(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> ConversionConnection:
        """Read a page of conversions."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        page = await listing.conversions(
            tenant_id=context.shop.id,
            affiliate_id=context.caller.principal_id,
            first=first,
            after=after,
        )
        edges = [
            ConversionEdge(cursor=cursor, node=_conversion_type(one))
            for one, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return ConversionConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@dataclass(frozen=True, slots=True)
class _Topic:
    """Whose conversions are watched, and with which token."""

    shop: Shop
    affiliate_id: UUID
    token: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look has found: who asks, and the newest conversion."""

    caller: Caller | None
    newest: listing.Conversion | None


_watches: Final = Watches[_Topic, _Seen]()


@strawberry.type
class ConversionSubscription:
    """News of conversions."""

    @strawberry.subscription(
        description="Each time that an order of the affiliate's was paid and counted, and at the "
        "start the last one. Of several at once the newest is told: `conversions` has all."
    )
    async def conversion_recorded(self, info: Info) -> AsyncIterator[Conversion]:
        """Send the newest conversion whenever there is a newer one.

        Before every event the caller is authenticated anew: a token that was revoked ends it.
        """
        context, sent = info.context, None
        del info  # the whole of what graphql-core knew: it may be long until the next event
        assert context.caller is not None  # the role × field table lets only affiliates in
        topic = _Topic(context.shop, context.caller.principal_id, context.token)
        asker = replace(context)  # the first one may leave before the others
        async with _watches.watching(
            topic,
            look=lambda: _look(topic, asker),
            channel=lambda _: news.conversion_channel(topic.affiliate_id),
            again_seconds=LOOK_AGAIN_SECONDS,
        ) as watch:
            seen = await watch.first()
            while True:
                context.caller = seen.caller
                if seen.newest is not None and seen.newest.order_id != sent:
                    sent = seen.newest.order_id
                    yield _conversion_type(seen.newest)
                seen = await watch.newer(seen)


async def _look(topic: _Topic, asker: Context) -> _Seen:
    caller = await ask_again(asker, "Subscription.conversionRecorded")
    found = await listing.newest_conversion(
        tenant_id=topic.shop.id, affiliate_id=topic.affiliate_id
    )
    return _Seen(caller, found)


def _conversion_type(one: listing.Conversion) -> Conversion:
    return Conversion(
        order_no=one.order_no,
        rule=one.rule,
        link_id=strawberry.ID(public_id("alk", one.link_id)) if one.link_id else None,
        sub_id=one.sub_id,
        recorded_at=one.noted_at,
        paid=amount(one.paid_minor, one.currency),
        commission=amount(one.commission_minor, one.currency),
    )
