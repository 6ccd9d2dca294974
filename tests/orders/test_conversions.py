"""What affiliates have brought is counted once it is paid, once, and told in one round trip."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from affiliates import clicks, links, reports
from affiliates.reports import Figures
from asked_statements import statements
from kernel import db
from kernel.clock import utc_now
from kernel.errors import Invalid
from orders.conversions import listing
from orders.conversions.noting import note_conversions
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def told(desk: SalesDesk, affiliate_id: UUID) -> reports.Report:
    today = utc_now().astimezone(UTC).date()
    return await reports.report(
        tenant_id=desk.world.shop.id,
        affiliate_id=affiliate_id,
        first=today - timedelta(days=7),
        last=today + timedelta(days=7),
    )


async def test_a_paid_order_counts_once_for_its_link_and_an_unpaid_one_never(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    star = (await desk.world.affiliate("star")).id
    link = await links.create_link(
        tenant_id=desk.world.shop.id, affiliate_id=star, product_id=None, sub_id="video-1"
    )
    click = clicks.click_of(
        tenant_id=desk.world.shop.id,
        affiliate_id=star,
        link_id=link.id,
        visitor="one",
        address="192.0.2.1",
    )
    await clicks.write([click])
    paid = await desk.order(2, affiliate_code=link.code)
    unpaid = await desk.order(affiliate_code="star")
    assert await note_conversions() == 0
    await paid.paid()
    assert await note_conversions() == 1
    assert await note_conversions() == 0
    found = await told(desk, star)
    # 3 % of 220.00.
    assert found.total == Figures(1, 1, 1, 22_000, 660)
    assert (found.total.conversion_bp, found.total.per_click_minor) == (10_000, 660)
    assert [one.figures for one in found.days] == [found.total]
    assert [(one.link_id, one.sub_id, one.figures) for one in found.links] == [
        (link.id, "video-1", found.total)
    ]
    await desk.world.shift_clock("3 days")
    assert await note_conversions() == 1
    assert (await told(desk, star)).total == found.total
    assert await unpaid.status() != "DELIVERED"


async def test_who_is_above_has_the_commission_and_not_the_order(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    star, moon = await desk.world.affiliate("star"), await desk.world.affiliate("moon")
    await desk.owner.execute("update affiliate_programs set second_bp = 100")
    await desk.owner.execute(
        "update affiliates set recruiter_id = $1 where id = $2", moon.id, star.id
    )
    await (await desk.order(affiliate_code="star")).paid()
    await note_conversions()
    assert (await told(desk, star.id)).total == Figures(0, 0, 1, 11_000, 330)
    assert (await told(desk, moon.id)).total == Figures(0, 0, 0, 0, 110)


async def test_a_report_is_one_round_trip_and_of_a_year_at_most(desk: SalesDesk) -> None:
    star = (await desk.world.affiliate("star")).id
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    shop_id = desk.world.shop.id
    asked = await statements(
        reports.report(
            tenant_id=shop_id, affiliate_id=star, first=day, last=day + timedelta(days=365)
        )
    )
    assert len(asked) == 1
    for last in (day + timedelta(days=366), day - timedelta(days=1)):
        with pytest.raises(Invalid):
            await reports.report(tenant_id=shop_id, affiliate_id=star, first=day, last=last)
    async with db.transaction(db.core_scope(desk.world.agent.id)):
        assert await db.fetch("select from affiliate_days") == []


async def test_conversions_are_listed_newest_first_and_told_to_their_affiliate_alone(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    star, moon = await desk.world.affiliate("star"), await desk.world.affiliate("moon")
    nos = []
    for _ in range(3):
        order = await desk.order(affiliate_code="star")
        await order.paid()
        await note_conversions()
        nos.append(order.no)
    await desk.order(affiliate_code="star")  # nobody pays it
    shop_id = desk.world.shop.id
    first = await listing.conversions(tenant_id=shop_id, affiliate_id=star.id, first=2, after=None)
    rest = await listing.conversions(
        tenant_id=shop_id, affiliate_id=star.id, first=2, after=first.cursors[-1]
    )
    assert [one.order_no for one in (*first.rows, *rest.rows)] == nos[::-1]
    assert (first.has_next, rest.has_next) == (True, False)
    assert {(one.rule, one.paid_minor, one.commission_minor) for one in first.rows} == {
        ("CODE", 11_000, 330)
    }
    newest = await listing.newest_conversion(tenant_id=shop_id, affiliate_id=star.id)
    assert newest == first.rows[0]
    assert await listing.newest_conversion(tenant_id=shop_id, affiliate_id=moon.id) is None
    elsewhere = desk.world.agent.id
    assert await listing.newest_conversion(tenant_id=elsewhere, affiliate_id=star.id) is None
