"""From the first click to a paid payout, and to the dispute that comes after it."""

from datetime import timedelta
from uuid import UUID

import pytest

from affiliates import clicks, links, reports
from affiliates.click_tokens import Touch, Touches, write_touches
from billing.payouts.ending import ResultLine, record_results
from billing.payouts.parties import PaidPartyKind, Party
from billing.payouts.states import PayoutState
from dispute_desk import bank_of
from offers.quotes import Wish
from orders import checkout
from orders.checkout import Buyer
from orders.conversions.noting import note_conversions
from orders.earnings import maturing, noting
from orders.records import Viewer
from payout_desk import PayoutDesk
from sales import Purchase, SalesDesk, key

pytestmark = pytest.mark.engines
# A piece costs the shop 90.00 and brings 110.00; 15.00 of it are the affiliate's.
PIECES, COMMISSION_MINOR = 10, 15_000


async def _bought_by_a_click(desk: SalesDesk, affiliate_id: UUID) -> Purchase:
    shop_id = desk.world.shop.id
    link = await links.create_link(
        tenant_id=shop_id,
        affiliate_id=affiliate_id,
        product_id=desk.world.goods.product_id,
        sub_id="video-1",
    )
    click = clicks.click_of(
        tenant_id=shop_id,
        affiliate_id=affiliate_id,
        link_id=link.id,
        visitor="a browser",
        address="192.0.2.7",
    )
    await clicks.take(click)
    while await clicks.flush_clicks():
        pass
    touch = Touch(click.id, click.affiliate_id, link.id, click.at - timedelta(minutes=3))
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, PIECES)])
    made = await checkout.create_order(
        shop=shop,
        buyer=Buyer(),
        quote_id=quote.id,
        contact="buyer@example.com",
        affiliate_code=None,
        click=write_touches(Touches(touch, touch), tenant_id=shop_id),
        idempotency_key=key(),
    )
    no: str = await desk.owner.fetchval("select no from orders where id = $1", made.order_id)
    viewer = Viewer(customer_id=None, guest_token=made.guest_token)
    return Purchase(desk, shop, viewer, made.order_id, no, quote.total_minor)


async def _paid_out(payouts: PayoutDesk, amount_minor: int) -> None:
    """Ask, approve, send, and hear from the bank that the money is there."""
    payout = await payouts.approved(amount_minor)
    batch = await payouts.send(await payouts.batch())
    holder, proof = await payouts.batch_proof()
    await record_results(
        batch.id,
        [ResultLine(payout.id, PayoutState.PAID, "the bank has paid it")],
        actor=payouts.operator,
        holder=holder,
        proof=proof,
    )
    assert await payouts.state(payout) == PayoutState.PAID


async def test_from_the_first_click_to_a_payout_and_back_by_a_dispute(desk: SalesDesk) -> None:
    world = desk.world
    await world.keys(PIECES)
    star = await world.affiliate("star", rate_bp=0)
    await desk.owner.execute("update affiliate_programs set fixed_minor = 1500")
    payouts = await PayoutDesk.of(world)
    payouts.party = Party(PaidPartyKind.AFFILIATE, star.id, world.shop.id, "CNY")
    await payouts.paid_at()

    order = await (await _bought_by_a_click(desk, star.id)).paid()
    await order.reveal()
    assert await note_conversions() == 1
    today = (await desk.owner.fetchval("select platform_now() at time zone 'UTC'")).date()
    told = await reports.report(
        tenant_id=world.shop.id, affiliate_id=star.id, first=today, last=today
    )
    total = told.total
    assert (total.clicks, total.orders, total.commission_minor) == (1, 1, COMMISSION_MINOR)
    assert [one.sub_id for one in told.links] == ["video-1"]
    assert await desk.owner.fetchval("select rule from attributions") == "LAST_CLICK"
    assert await desk.owner.fetchval("select count(*) from affiliate_reviews") == 0

    await noting.note_delivered(100)
    await world.shift_clock("30 days")
    await maturing.mature_due(100)
    named = ("affiliate", star.id)
    assert (await desk.books(named))["L:PARTY:AVAILABLE affiliate"] == -COMMISSION_MINOR
    await _paid_out(payouts, COMMISSION_MINOR)
    books = await desk.books(named)
    assert not [name for name in books if name.startswith("L:PARTY") and "affiliate" in name]
    await desk.assert_sound()

    bank = await bank_of(order)
    await bank.opens()
    await bank.wins()
    books = await desk.books(named)
    # What was paid out is owed, and the next commissions repay it.
    assert books["A:RECV affiliate"] == COMMISSION_MINOR
    left = "select sum(amount_minor - reversed_minor)::int from line_shares where party_id = $1"
    assert await desk.owner.fetchval(left, star.id) == 0
    assert (
        await reports.report(tenant_id=world.shop.id, affiliate_id=star.id, first=today, last=today)
    ).total == total
    await desk.assert_sound()
