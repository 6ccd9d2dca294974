"""Every order says by which rule whom it thanks, or why nobody, in the statement that writes it."""

from datetime import timedelta
from uuid import UUID

import pytest

from affiliates.click_tokens import Touch, Touches, write_touches
from asked_statements import statements
from kernel.clock import utc_now
from kernel.ids import new_id
from offers.quotes import Wish
from orders import paying, placing
from orders.checkout import Buyer, OrderMade
from sales import SalesDesk, key
from tenants.directory import Shop
from world import Person

pytestmark = pytest.mark.engines


async def bought(
    desk: SalesDesk,
    *,
    by: Person,
    code: str | None = None,
    click: str | None = None,
    shop: Shop | None = None,
) -> OrderMade:
    return await paying.quick_buy(
        shop=shop or await desk.shop(),
        buyer=Buyer(by.id),
        wish=Wish(desk.world.goods.sku_id, 1),
        expected_total_minor=11_000,
        contact=None,
        affiliate_code=code,
        click=click,
        method="WALLET",
        idempotency_key=key(),
    )


async def said(desk: SalesDesk, made: OrderMade) -> tuple[str, int] | None:
    """The rule, and how many shares thank somebody."""
    row = await desk.owner.fetchrow(
        """select rule, (select count(*) from line_shares share
                         where share.order_id = attributions.order_id and role = 'AFFILIATE')
           from attributions where order_id = $1""",
        made.order_id,
    )
    return tuple(row) if row else None


def clicked(desk: SalesDesk, affiliate_id: UUID, *, days: int = 0) -> str:
    touch = Touch(new_id(), affiliate_id, None, utc_now() - timedelta(days=days))
    return write_touches(Touches(touch, touch), tenant_id=desk.world.shop.id)


async def test_the_rule_is_kept_with_the_order_also_where_nobody_is_thanked(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(10)
    buyer = await desk.world.customer(wallet_minor=200_000)
    star = await desk.world.affiliate("star")
    assert await said(desk, await bought(desk, by=buyer)) is None
    assert await said(desk, await bought(desk, by=buyer, code="nobody")) is None
    assert await said(desk, await bought(desk, by=buyer, code="star")) == ("CODE", 1)
    click, old = clicked(desk, star.id), clicked(desk, star.id, days=31)
    assert await said(desk, await bought(desk, by=buyer, click=click)) == ("LAST_CLICK", 1)
    assert await said(desk, await bought(desk, by=buyer, click=old)) == ("EXPIRED", 0)
    assert await said(desk, await bought(desk, by=buyer, click=click + "x")) is None
    await desk.owner.execute("update affiliates set customer_id = $1", buyer.id)
    assert await said(desk, await bought(desk, by=buyer, code="star")) == ("OWN_ORDER", 0)
    await desk.owner.execute("update affiliate_programs set ends_at = platform_now()")
    assert await said(desk, await bought(desk, by=buyer, code="star")) == ("NO_PROGRAM", 0)
    await desk.assert_sound()


async def test_a_sale_asks_one_more_for_who_has_brought_it_and_no_more(desk: SalesDesk) -> None:
    await desk.world.keys(10)
    buyer = await desk.world.customer(wallet_minor=200_000)
    star = await desk.world.affiliate("star")
    await desk.order()
    shop, click = await desk.shop(), clicked(desk, star.id)
    for code, token, asks in ((None, None, 2), ("star", None, 3), (None, click, 3)):
        buys = bought(desk, by=buyer, code=code, click=token, shop=shop)
        assert len(await statements(buys)) == asks


async def test_an_order_that_waits_for_its_keys_keeps_the_rule_as_well(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(3)
    buyer = await desk.world.customer(wallet_minor=200_000)
    await desk.world.affiliate("star")

    async def short(draft: object) -> None:
        raise placing.Short

    monkeypatch.setattr(placing, "place_at_once", short)
    assert await said(desk, await bought(desk, by=buyer, code="star")) == ("CODE", 1)
    await desk.assert_sound()
