"""An affiliate's own figures: what its links have brought, day by day and link by link."""

from datetime import datetime
from typing import Annotated

import strawberry

from affiliates import reports
from kernel.ids import public_id
from schema.context import Context, Info
from schema.inputs import moment_in
from schema.money import Money, amount


@strawberry.type(description="Clicks, and what came of them.")
class AffiliateFigures:
    """`uniqueClicks` counts a browser once in ten minutes; `orders` are those that were paid, and
    `commission` what they promised, before refunds. `conversionBp` are orders, and
    `earningsPerClick` is commission, of a unique click."""

    clicks: int
    unique_clicks: int
    orders: int
    paid: Money
    commission: Money
    conversion_bp: int
    earnings_per_click: Money


@strawberry.type
class AffiliateDay:
    """What one day (UTC) has brought."""

    day: str
    figures: AffiliateFigures


@strawberry.type
class AffiliateLinkFigures:
    """What a link has brought; without `linkId`: its own code, and whom it recruited."""

    link_id: strawberry.ID | None
    code: str | None
    sub_id: str
    figures: AffiliateFigures


@strawberry.type
class AffiliateReport:
    """What came in a time: in all, by day, and by link, the best first."""

    total: AffiliateFigures
    days: list[AffiliateDay] = strawberry.field(metadata={"assumed_size": 31})
    # Hardly anybody has more; and the report is one statement, however many there are.
    links: list[AffiliateLinkFigures] = strawberry.field(metadata={"assumed_size": 100})


@strawberry.type
class AffiliatePortalQuery:
    """The affiliate's own desk."""

    @strawberry.field(
        description="What the affiliate's links have brought, in whole days (UTC) from one time to "
        "another, at most 366."
    )
    async def affiliate_report(
        self,
        info: Info,
        since: Annotated[datetime, strawberry.argument(name="from")],
        until: Annotated[datetime, strawberry.argument(name="to")],
    ) -> AffiliateReport:
        """Read what came."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        found = await reports.report(
            tenant_id=context.shop.id,
            affiliate_id=context.caller.principal_id,
            first=moment_in(since, field="from").date(),
            last=moment_in(until, field="to").date(),
        )
        return AffiliateReport(
            total=_figures(found.total, context),
            days=[
                AffiliateDay(day=one.day.isoformat(), figures=_figures(one.figures, context))
                for one in found.days
            ],
            links=[_of_link(one, context) for one in found.links],
        )


def _of_link(one: reports.OfLink, context: Context) -> AffiliateLinkFigures:
    return AffiliateLinkFigures(
        link_id=strawberry.ID(public_id("alk", one.link_id)) if one.link_id else None,
        code=one.code,
        sub_id=one.sub_id,
        figures=_figures(one.figures, context),
    )


def _figures(found: reports.Figures, context: Context) -> AffiliateFigures:
    currency = context.shop.currency
    return AffiliateFigures(
        clicks=found.clicks,
        unique_clicks=found.unique_clicks,
        orders=found.orders,
        paid=amount(found.paid_minor, currency),
        commission=amount(found.commission_minor, currency),
        conversion_bp=found.conversion_bp,
        earnings_per_click=amount(found.per_click_minor, currency),
    )
