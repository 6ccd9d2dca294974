"""A suspicion holds the commissions of an order, and nothing else; somebody decides, and hears."""

from uuid import UUID

import pytest

from billing import accounts, ledger
from identity.customers import create_customer
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from orders.conversions import reviewing
from orders.conversions.noting import note_conversions
from orders.conversions.reviewing import AlreadyDecided, Review, ReviewStatus
from orders.earnings import maturing, noting
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines


async def held(desk: SalesDesk, affiliate_id: UUID) -> int:
    async with db.transaction(db.core_scope()):
        return await ledger.balance(accounts.party_held(affiliate_id, "CNY"))


async def suspected(desk: SalesDesk) -> tuple[UUID, Purchase]:
    """An order with a mail address for minutes, by an affiliate's code."""
    await desk.world.keys(2)
    star = (await desk.world.affiliate("star")).id
    order = await desk.order(affiliate_code="star", contact="me@mailinator.com")
    await order.paid()
    await note_conversions()
    return star, order


async def the_review(desk: SalesDesk) -> Review:
    page = await reviewing.reviews(
        tenant_id=desk.world.shop.id, affiliate_id=None, first=None, after=None
    )
    (found,) = page.rows
    return found


async def decided(desk: SalesDesk, review: Review, status: ReviewStatus) -> Review:
    return await reviewing.decide(
        tenant_id=desk.world.shop.id,
        review_id=review.id,
        status=status,
        note="looked at it",
        actor="staff:one",
    )


async def test_a_suspicion_holds_the_commission_and_neither_the_order_nor_anybody_elses_share(
    desk: SalesDesk,
) -> None:
    star, order = await suspected(desk)
    assert await order.status() == "DELIVERED"
    review = await the_review(desk)
    assert (review.suspicions, review.order_no) == (("THROWAWAY_MAIL",), order.no)
    assert await held(desk, star) == 330
    rows = await desk.owner.fetch("select party_kind, open_holds, held_minor from earnings")
    assert {tuple(row) for row in rows if row["open_holds"]} == {("AFFILIATE", 1, 330)}
    assert len(rows) > 2
    await desk.assert_sound()
    # What is held does not mature, however long it takes; the others' does.
    await desk.world.shift_clock("60 days")
    await maturing.mature_due(100)
    assert await held(desk, star) == 330
    assert await desk.owner.fetchval("select count(*) from earnings where matured_at is null") == 1
    await desk.assert_sound()


async def test_what_is_cleared_goes_on_and_what_is_upheld_may_be_cleared_after_an_appeal(
    desk: SalesDesk,
) -> None:
    star, _ = await suspected(desk)
    review = await the_review(desk)
    upheld = await decided(desk, review, ReviewStatus.UPHELD)
    assert (upheld.status, upheld.note) == (ReviewStatus.UPHELD, "looked at it")
    with pytest.raises(AlreadyDecided):
        await decided(desk, review, ReviewStatus.UPHELD)
    assert await held(desk, star) == 330

    async def appeal(affiliate_id: UUID = star) -> Review:
        return await reviewing.appeal(
            tenant_id=desk.world.shop.id,
            affiliate_id=affiliate_id,
            review_id=review.id,
            text="it is my mother's",
        )

    with pytest.raises(NotFound):
        await appeal(new_id())
    assert (await appeal()).appeal == "it is my mother's"
    with pytest.raises(AlreadyDecided):
        await appeal()
    assert (await decided(desk, review, ReviewStatus.CLEARED)).status is ReviewStatus.CLEARED
    assert await held(desk, star) == 0
    with pytest.raises(AlreadyDecided):
        await decided(desk, review, ReviewStatus.UPHELD)
    with pytest.raises(Invalid):
        await decided(desk, review, ReviewStatus.OPEN)
    await desk.assert_sound()


async def test_a_refund_of_what_is_held_leaves_no_commission(desk: SalesDesk) -> None:
    star, order = await suspected(desk)
    await order.refund(11_000)
    await noting.note_delivered(100)
    assert await held(desk, star) == 0
    left = await desk.owner.fetchval(
        "select sum(amount_minor - reversed_minor)::int from line_shares where party_id = $1", star
    )
    assert left == 0
    await decided(desk, await the_review(desk), ReviewStatus.CLEARED)
    await desk.assert_sound()


async def test_an_order_that_nothing_speaks_against_has_no_review(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    star = (await desk.world.affiliate("star")).id
    await (await desk.order(affiliate_code="star", contact="me@example.com")).paid()
    assert await note_conversions() == 1
    assert await desk.owner.fetchval("select count(*) from affiliate_reviews") == 0
    assert await held(desk, star) == 0


async def test_a_buyer_with_the_affiliates_mail_is_found_without_reading_either(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    star = (await desk.world.affiliate("star")).id
    friend_id = await create_customer(
        tenant_id=desk.world.shop.id,
        name="friend",
        email="Friend@Example.com",
        password="a long one",
    )
    await desk.owner.execute(
        "update affiliates set customer_id = $1 where id = $2", friend_id, star
    )
    other = await desk.world.customer()
    await (await desk.order(affiliate_code="star", by=other)).paid()
    await note_conversions()
    assert await desk.owner.fetchval("select count(*) from affiliate_reviews") == 0
    order = await desk.order(affiliate_code="star", by=other, contact="friend@example.com")
    await order.paid()
    await note_conversions()
    assert (await the_review(desk)).suspicions == ("SAME_CONTACT",)
    await desk.assert_sound()
