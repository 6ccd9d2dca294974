"""Orders as their buyers see them: every one once, and never more statements for more of them."""

from uuid import UUID

import pytest

from kernel import db
from kernel.errors import Invalid, NotFound
from orders import queries
from orders.queries import OrderPage, OrderView
from orders.records import Viewer
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines


async def view(purchase: Purchase, viewer: Viewer | None = None) -> OrderView:
    shop = purchase.shop
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await queries.order_view(
            shop=shop, viewer=viewer or purchase.viewer, order_no=purchase.no
        )


async def page(
    desk: SalesDesk,
    *,
    customer_id: UUID | None = None,
    first: int | None = None,
    after: str | None = None,
) -> OrderPage:
    shop = await desk.shop()
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await queries.orders_page(
            shop=shop,
            customer_id=customer_id,
            first=first,
            after=after,
        )


async def test_an_order_shows_its_keys_when_it_is_paid_and_their_marks_before(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    purchase = await desk.order(2)
    waiting = await view(purchase)
    assert (waiting.status, waiting.total_minor) == ("PENDING_PAYMENT", 22_000)
    (line,) = waiting.lines
    assert (line.keys, len(line.commitments)) == ((), 2)
    await purchase.paid()
    (line,) = (await view(purchase)).lines
    assert sorted(key.commitment_hex for key in line.keys) == sorted(line.commitments)
    assert all(key.revealed_at is None for key in line.keys)


async def test_an_unpaid_order_past_its_time_reads_as_expired_without_any_worker(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    await desk.world.shift_clock("16 minutes")
    assert (await view(purchase)).status == "EXPIRED"
    assert await purchase.status() == "PENDING_PAYMENT", "nobody has written anything"


async def test_an_order_is_nobody_elses(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    theirs = await desk.order(by=await desk.world.customer())
    guests = await desk.order()
    for purchase, viewer in (
        (theirs, Viewer()),
        (theirs, guests.viewer),
        (theirs, Viewer(customer_id=(await desk.world.customer()).id)),
        (guests, Viewer()),
        (guests, theirs.viewer),
        (guests, Viewer(guest_token="kmg_wrong")),
    ):
        with pytest.raises(NotFound):
            await view(purchase, viewer)
    assert (await view(guests, Viewer(whole_shop=True))).no == guests.no


async def test_paging_shows_every_order_once_and_the_newest_first(desk: SalesDesk) -> None:
    await desk.world.keys(9)
    buyer, other = await desk.world.customer(), await desk.world.customer()
    mine = [(await desk.order(by=buyer)).no for _ in range(7)]
    theirs = (await desk.order(by=other)).no
    # The same moment for all of them: the id decides.
    await desk.owner.execute("update orders set created_at = '2026-01-01'")
    seen: list[str] = []
    after = None
    while True:
        found = await page(desk, customer_id=buyer.id, first=3, after=after)
        seen += [order.no for order in found.rows]
        if not found.has_next:
            break
        after = found.cursors[-1]
    assert seen == mine[::-1]
    assert theirs in [order.no for order in (await page(desk)).rows]
    with pytest.raises(Invalid):
        await page(desk, customer_id=other.id, after=after)
    with pytest.raises(Invalid):
        await page(desk, after=after)


async def test_a_page_is_one_statement_however_many_orders_it_has(desk: SalesDesk) -> None:
    await desk.world.keys(6)
    counts = []
    for _ in range(3):
        await (await desk.order(2)).paid()
        token = db.statement_log.set([])
        await page(desk)
        asked = db.statement_log.get()
        assert asked is not None
        # The shop itself is one more statement of the desk's own.
        counts.append(len(asked) - 1)
        db.statement_log.reset(token)
    assert counts == [1, 1, 1]
