"""Reading at the price desk, and hearing of prices that are hidden."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID

import strawberry

from identity.tokens import Caller
from kernel.ids import parse_id
from kernel.watching import Watches
from offers.price_desk import alerts, explain, grades, impact, promotions
from offers.price_desk.alerts import AlertView
from offers.price_desk.own_rules import read_own_rules
from offers.price_desk.rule_rows import rules_page
from offers.price_desk.rules import rule_change
from schema.context import Context, Info
from schema.permissions import ask_again
from schema.price_desk_inputs import (
    PriceAudience,
    PriceRuleInput,
    PriceViewerInput,
)
from schema.price_desk_types import (
    AgentGrade,
    PriceAlert,
    PriceAlertConnection,
    PriceExplanation,
    PriceImpact,
    PriceRuleConnection,
    Promotion,
)
from schema.price_desk_views import (
    alert_connection,
    alert_type,
    explanation_type,
    grade_type,
    impact_type,
    promotion_type,
    rule_connection,
)
from schema.price_desk_wishes import (
    id_or_none,
    rule_draft,
    viewpoint,
)
from schema.problems import Problem, Refusals
from tenants.directory import Shop

LOOK_AGAIN_SECONDS: Final = 5.0

PriceExplainPayload = Annotated[PriceExplanation | Problem, strawberry.union("PriceExplainPayload")]
PriceImpactPayload = Annotated[PriceImpact | Problem, strawberry.union("PriceImpactPayload")]


@strawberry.type
class PriceDeskQuery:
    """What the shop has written, why its prices are so, and what a change would do."""

    @strawberry.field(description="The shop's own price rules, the oldest first.")
    async def price_rules(
        self,
        info: Info,
        audience: PriceAudience | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> PriceRuleConnection:
        """Read a page of rules."""
        wanted = None if audience is None else audience.value
        return rule_connection(
            await rules_page(info.context.shop, audience=wanted, first=first, after=after)
        )

    @strawberry.field(
        description="The grades of the shop's direct children, the lowest first.",
        metadata={"assumed_size": 10},
    )
    async def agent_grades(self, info: Info) -> list[AgentGrade]:
        """Read the grades."""
        shop = info.context.shop
        return [grade_type(grade, shop.currency) for grade in await grades.grades_of(shop)]

    @strawberry.field(
        description="The shop's promotions, those that have ended last; the latest first.",
        metadata={"assumed_size": 20},
    )
    async def promotions(self, info: Info) -> list[Promotion]:
        """Read the promotions."""
        return [promotion_type(one) for one in await promotions.promotions_of(info.context.shop)]

    @strawberry.field(
        description="The steps that made a price: a buyer's, with coupons, or a direct child's.",
        extensions=[Refusals()],
    )
    async def price_explain(
        self,
        info: Info,
        sku_id: strawberry.ID,
        quantity: int = 1,
        viewer: PriceViewerInput | None = None,
        coupon_codes: list[str] | None = None,
    ) -> PriceExplainPayload:
        """Explain a price; operators see the whole chain and every payer."""
        context = info.context
        explained = await explain.explain_price(
            context.shop,
            sku_id=parse_id("sku", sku_id, field="skuId"),
            quantity=quantity,
            view=viewpoint(viewer, coupon_codes),
            whole_chain=context.is_operator,
            ip=context.ip,
        )
        return explanation_type(explained, context.shop.currency)

    @strawberry.field(
        description="What a rule would do here and in all shops below; nothing is written.",
        extensions=[Refusals()],
    )
    async def price_impact(
        self, info: Info, draft: PriceRuleInput, after: str | None = None
    ) -> PriceImpactPayload:
        """Try a rule out."""
        context = info.context
        wished = await rule_draft(context, draft)
        before = await read_own_rules(context.shop)
        rule_id = id_or_none("rul", draft.rule_id, field="ruleId")
        change = rule_change(context.shop, before, wished, rule_id=rule_id)
        found = await impact.price_impact(context.shop, change, before, after=after)
        return impact_type(found, context.shop.currency)

    @strawberry.field(description="Prices of the shop's making that are hidden, the oldest first.")
    async def price_alerts(
        self, info: Info, first: int = 20, after: str | None = None, with_closed: bool = False
    ) -> PriceAlertConnection:
        """Read a page of alerts."""
        return alert_connection(
            await alerts.alerts_page(
                info.context.shop, closed=with_closed, first=first, after=after
            )
        )


@dataclass(frozen=True, slots=True)
class _Topic:
    """Who watches which shop's alerts. Who has the same of all this is shown the same."""

    shop: Shop
    token: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look has found: who asks, and the alerts that are open."""

    caller: Caller | None
    alerts: tuple[AlertView, ...]


_watches: Final = Watches[_Topic, _Seen]()


@strawberry.type
class PriceDeskSubscription:
    """Prices when they break."""

    @strawberry.subscription(
        description="Each price of the shop's making that is hidden: those of now, then new ones."
    )
    async def price_broken(self, info: Info) -> AsyncIterator[PriceAlert]:
        """Send every open alert once.

        Before every event the caller is authenticated anew: a token that was revoked ends it.
        """
        context, told = info.context, UUID(int=0)
        del info  # the whole of what graphql-core knew: it may be long until the last event
        topic = _Topic(context.shop, context.token)
        asker = replace(context)  # the first one may leave before the others
        async with _watches.watching(
            topic,
            look=lambda: _look(topic, asker),
            channel=lambda _: alerts.channel(topic.shop.id),
            again_seconds=LOOK_AGAIN_SECONDS,
        ) as watch:
            seen = await watch.first()
            while True:
                context.caller = seen.caller
                for alert in seen.alerts:
                    if alert.id > told:
                        told = alert.id
                        yield alert_type(alert)
                seen = await watch.newer(seen)


async def _look(topic: _Topic, asker: Context) -> _Seen:
    caller = await ask_again(asker, "Subscription.priceBroken")
    return _Seen(caller, await alerts.newest_alerts(topic.shop))
