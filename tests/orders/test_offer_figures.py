"""What buyers are told of an offer comes from its own deliveries and refunds, each counted once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from entrypoints import sweeps
from hand_desk import HandDesk, open_by_hand
from offers import catalogue
from offers.catalogue import Reading
from offers.shelf import Offer
from orders import offer_figures
from random_markets import another_offer
from sales import SalesDesk

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is in the middle of a sale: what has happened is counted now."""
    monkeypatch.setattr(offer_figures, "SETTLED_AFTER_SECONDS", 0)


async def figures(owner: asyncpg.Connection) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = await owner.fetch(
        "select sold, faults, typical_seconds from offer_figures order by listing_id"
    )
    return [dict(row) for row in rows]


async def sweep() -> int:
    await asyncio.sleep(0.002)  # ids of this very millisecond are left for the next time
    await sweeps.count_sales()
    return await sweeps.sum_up_sales()


async def test_deliveries_and_the_suppliers_faults_are_counted_once(desk: SalesDesk) -> None:
    await desk.world.keys(12)
    first = await (await desk.order(quantity=4)).paid()
    await (await desk.order(quantity=6)).paid()
    await desk.order(quantity=1)  # nobody pays for it
    await first.give_back(1)
    await first.refund(11_000, "SUPPLIER_FAULT")
    await first.refund(1_000, "GOODWILL")  # the shop's own decision says nothing of the supplier
    expected = [{"sold": 9, "faults": 1, "typical_seconds": 10}]
    assert await sweep() == 1
    assert await figures(desk.owner) == expected
    assert await sweep() == 0  # nothing new, so no page grows old
    assert await figures(desk.owner) == expected


async def test_whoever_buys_and_gives_back_makes_an_offer_neither_better_nor_worse(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(7)
    await (await desk.order(quantity=2)).paid()
    rival = await (await desk.order(quantity=5)).paid()
    for quantity in (1, 3):
        await rival.give_back(quantity)
    await rival.refund(11_000, "CHANGE_OF_MIND")
    await sweep()
    assert await figures(desk.owner) == [{"sold": 2, "faults": 0, "typical_seconds": 10}]


async def test_what_is_canceled_before_a_person_delivers_it_was_never_sold(desk: SalesDesk) -> None:
    await open_by_hand(desk.world, mode="MANUAL", asks=False)
    sold = await (await desk.order(quantity=1)).paid()
    rival = await (await desk.order(quantity=3)).paid()
    lines = dict(await desk.owner.fetch("select order_id, id from order_lines"))
    seller = HandDesk(desk, sold, lines[sold.id])
    await seller.begin()
    await seller.deliver("made for this buyer")
    await HandDesk(desk, rival, lines[rival.id]).cancel()
    await sweep()
    assert await figures(desk.owner) == [{"sold": 1, "faults": 0, "typical_seconds": 10}]


async def test_a_slow_delivery_is_told_as_slow(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    for _ in range(3):
        await (await desk.order(quantity=1)).paid()
    await desk.owner.execute(
        """update delivered_keys set delivered_at = delivered_at + interval '5 minutes'
           where id <> (select id from delivered_keys order by id limit 1)"""
    )
    await sweep()
    assert await figures(desk.owner) == [{"sold": 3, "faults": 0, "typical_seconds": 600}]


async def test_batches_however_small_count_everything(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(7)
    await (await desk.order(quantity=7)).paid()
    monkeypatch.setattr(sweeps, "SALES_COUNTED_AT_ONCE", 2)
    await asyncio.sleep(0.002)
    assert [await sweeps.count_sales() for _ in range(5)] == [2, 2, 2, 1, 0]
    await sweeps.sum_up_sales()
    assert (await figures(desk.owner))[0]["sold"] == 7


async def test_many_workers_at_once_count_nothing_twice(desk: SalesDesk) -> None:
    await desk.world.keys(30)
    await (await desk.order(quantity=30)).paid()
    await asyncio.sleep(0.002)
    await asyncio.gather(*(offer_figures.count_sales(4) for _ in range(40)))
    while await offer_figures.count_sales(4):
        pass
    await sweeps.sum_up_sales()
    assert (await figures(desk.owner))[0]["sold"] == 30


async def test_what_is_older_than_ninety_days_is_forgotten(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await (await desk.order(quantity=2)).paid()
    await sweep()
    await desk.world.shift_clock("91 days")
    assert await sweep() == 1
    assert await figures(desk.owner) == [{"sold": 0, "faults": 0, "typical_seconds": None}]
    assert await desk.owner.fetchval("select count(*) from offer_days") == 0


async def test_a_page_shows_each_offers_own_figures(desk: SalesDesk) -> None:
    other = await another_offer(desk.owner, desk.world.goods, supply_minor=8_100)
    await desk.world.keys(3)
    await desk.world.keys(1, other)
    await (await desk.order(quantity=2)).paid()
    await sweep()
    found = await catalogue.product(
        await desk.shop(), slug=desk.world.goods.slug, reading=Reading.PUBLIC
    )
    assert found is not None
    shown: dict[Any, Offer] = {one.id: one for one in found.skus[0].offers}
    assert shown[desk.world.goods.listing_id].figures == (2, 0, 10)
    assert shown[other.listing_id].figures == (0, 0, None)
