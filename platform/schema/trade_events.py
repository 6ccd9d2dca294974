"""A trade balance that has become low."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import strawberry

from billing.trade_balances import LowBalance, newest_low_balance
from identity.tokens import Caller
from kernel.watching import Watches
from orders import news
from schema.context import Context, Info
from schema.money import Money, amount
from schema.permissions import ask_again
from tenants.directory import Shop

LOOK_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Topic:
    """Whose balance is watched, and with which token."""

    shop: Shop
    token: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look has found: who asks, and the newest alert."""

    caller: Caller | None
    alert: LowBalance | None


_watches: Final = Watches[_Topic, _Seen]()


@strawberry.type
class BalanceAlert:
    """The balance has gone below the threshold; both as they were then."""

    balance: Money
    threshold: Money
    raised_at: datetime


@strawberry.type
class TradeSubscription:
    """The alarm of the trade balance."""

    @strawberry.subscription(
        description="Each time that the trade balance goes below its threshold, and at the start "
        "the last time."
    )
    async def low_balance(self, info: Info) -> AsyncIterator[BalanceAlert]:
        """Send the newest alert whenever there is a newer one.

        Before every event the caller is authenticated anew: a token that was revoked, or that no
        longer speaks for the shop's money, ends it.
        """
        context, sent = info.context, None
        del info  # the whole of what graphql-core knew: it may be long until the next event
        topic = _Topic(context.shop, context.token)
        asker = replace(context)  # the first one may leave before the others
        async with _watches.watching(
            topic,
            look=lambda: _look(topic, asker),
            channel=lambda _: news.balance_channel(topic.shop.id),
            again_seconds=LOOK_AGAIN_SECONDS,
        ) as watch:
            seen = await watch.first()
            while True:
                context.caller = seen.caller
                if seen.alert is not None and seen.alert.id != sent:
                    sent = seen.alert.id
                    yield _alert(seen.alert)
                seen = await watch.newer(seen)


def _alert(alert: LowBalance) -> BalanceAlert:
    return BalanceAlert(
        balance=amount(alert.balance_minor, alert.currency),
        threshold=amount(alert.threshold_minor, alert.currency),
        raised_at=alert.raised_at,
    )


async def _look(topic: _Topic, asker: Context) -> _Seen:
    caller = await ask_again(asker, "Subscription.lowBalance")
    return _Seen(caller, await newest_low_balance(asker.core(), topic.shop.id))
