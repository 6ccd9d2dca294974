"""Whatever moves the number of keys on a page is announced when it commits, listing by listing.

Pages that are kept show a stock until its announcement: a use case that forgets its own leaves
pages that lie.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kernel import db
from orders import placing
from orders.drafts import Draft
from sales import Purchase, SalesDesk
from supplier_stalls import secrets_of, text_file
from supply.importing import import_keys, undo_batch
from supply.stock_news import sold_news

pytestmark = pytest.mark.engines

HEARD_WITHIN_SECONDS = 60.0

Told = asyncio.Queue[UUID]
Move = Callable[[], Awaitable[object]]


@pytest.fixture
async def told(desk: SalesDesk) -> AsyncIterator[Told]:
    """The listings that are announced, as they are."""
    listings: Told = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, listing_id: object) -> None:
        listings.put_nowait(UUID(str(listing_id)))

    await desk.owner.add_listener("stock", hear)
    yield listings
    await desk.owner.remove_listener("stock", hear)


async def an_order(desk: SalesDesk) -> Move:
    return desk.order


async def a_cancelled_order(desk: SalesDesk) -> Move:
    return (await desk.order()).cancel


async def an_order_that_nobody_paid(desk: SalesDesk) -> Move:
    await desk.order()
    await desk.world.shift_clock("16 minutes")
    return desk.sweep


async def a_returned_key(desk: SalesDesk) -> Move:
    purchase: Purchase = await (await desk.order()).paid()
    return purchase.give_back


async def an_import(desk: SalesDesk, file: Path) -> Move:
    return lambda: import_keys(supplier_listing_id=desk.world.goods.listing_id, path=file)


async def an_undone_import(desk: SalesDesk, file: Path) -> Move:
    report = await import_keys(supplier_listing_id=desk.world.goods.listing_id, path=file)
    return lambda: undo_batch(report.batch_id)


async def heard(told: Told) -> set[UUID]:
    """What is announced next, and whatever came before it."""
    listings = {await asyncio.wait_for(told.get(), HEARD_WITHIN_SECONDS)}
    while not told.empty():
        listings.add(told.get_nowait())
    return listings


async def silence(desk: SalesDesk, told: Told) -> None:
    """Wait until everything that was announced so far has arrived, and forget it."""
    await sold_news.all_told()
    marker = UUID(int=0)
    await desk.owner.execute("select pg_notify('stock', $1)", str(marker))
    while await asyncio.wait_for(told.get(), HEARD_WITHIN_SECONDS) != marker:
        continue


@pytest.mark.parametrize(
    "prepare",
    [an_order, a_cancelled_order, an_order_that_nobody_paid, a_returned_key],
    ids=lambda prepare: prepare.__name__,
)
async def test_a_sale_and_its_undoing_are_announced(
    desk: SalesDesk, told: Told, prepare: Callable[[SalesDesk], Awaitable[Move]]
) -> None:
    await desk.world.keys(3)
    move = await prepare(desk)
    await silence(desk, told)
    await move()
    assert await heard(told) == {desk.world.goods.listing_id}


async def test_an_order_that_has_waited_for_its_keys_is_announced(
    desk: SalesDesk, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_at_hand(draft: Draft) -> None:
        raise placing.Short

    monkeypatch.setattr(placing, "place_at_once", nothing_at_hand)
    await desk.world.keys(3)
    await desk.order()
    assert await heard(told) == {desk.world.goods.listing_id}


@pytest.mark.parametrize(
    "prepare", [an_import, an_undone_import], ids=lambda prepare: prepare.__name__
)
async def test_keys_that_come_and_go_are_announced(
    desk: SalesDesk,
    told: Told,
    tmp_path: Path,
    prepare: Callable[[SalesDesk, Path], Awaitable[Move]],
) -> None:
    move = await prepare(desk, text_file(tmp_path, secrets_of(2)))
    await silence(desk, told)
    await move()
    assert await heard(told) == {desk.world.goods.listing_id}


async def test_a_sale_of_which_nobody_heard_is_announced(
    desk: SalesDesk, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = db.write

    async def connection_is_lost(*asked: Any) -> None:
        await write(*asked)
        raise ConnectionResetError

    await desk.world.keys(3)
    monkeypatch.setattr(db, "write", connection_is_lost)
    with pytest.raises(ConnectionResetError):
        await desk.order()
    assert await heard(told) == {desk.world.goods.listing_id}
