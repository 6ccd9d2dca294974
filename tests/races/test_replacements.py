"""One bad key, many who replace, refund and dispute it: somebody is first, and all is sound."""

from collections.abc import AsyncIterator, Awaitable
from functools import partial
from uuid import UUID

import pytest

from dispute_desk import bank_of
from entrypoints.verify import verify
from kernel import valkey
from kernel.settings import Settings
from orders.replacements.replacing import Wish
from races.crowd import all_at_once
from replacement_desk import ask_for_another, keys_of, second_supplier, sold
from sales import Purchase, SalesDesk, channels_in_memory
from world import World

pytestmark = pytest.mark.engines

CALLERS = 60


@pytest.fixture
async def desk(database: Settings, world: World) -> AsyncIterator[SalesDesk]:
    """A desk in a world of two suppliers."""
    await world.owner.execute("delete from keys")
    with channels_in_memory() as channels:
        yield SalesDesk(world, channels)
    await valkey.close()


async def test_a_crowd_that_replaces_one_key_takes_one_key_for_it(
    desk: SalesDesk, database: Settings
) -> None:
    purchase = await sold(desk)
    await second_supplier(desk.world, keys=5)
    (bad,) = await keys_of(purchase)

    outcome = await all_at_once(another_for(purchase, bad) for _ in range(CALLERS))

    assert (len(outcome.done), outcome.errors) == (1, [])
    assert outcome.refused == {"ALREADY_REPLACED": CALLERS - 1}
    assert await desk.key_states() == {"REPLACED": 1, "SOLD": 1, "AVAILABLE": 4}
    assert await verify(database.database_url) == []


async def test_two_buyers_of_bad_keys_share_the_last_good_one_between_them(
    desk: SalesDesk, database: Settings
) -> None:
    purchase = await sold(desk, 6)
    await second_supplier(desk.world, keys=2)

    outcome = await all_at_once(another_for(purchase, bad) for bad in await keys_of(purchase))

    assert (len(outcome.done), outcome.errors) == (2, [])
    assert outcome.refused == {"OUT_OF_STOCK": 4}
    assert await verify(database.database_url) == []


async def test_replacements_refunds_and_a_dispute_at_once_move_nothing_twice(
    desk: SalesDesk, database: Settings
) -> None:
    purchases = [await sold_again(desk) for _ in range(6)]
    await second_supplier(desk.world, keys=6)
    banks = [await bank_of(purchase) for purchase in purchases[3:]]
    calls: list[Awaitable[object]] = []
    for purchase in purchases:
        (bad,) = await keys_of(purchase)
        calls += [another_for(purchase, bad) for _ in range(4)]
        line_id = (await purchase.line()).id
        refund = partial(purchase.refund, 4_000, "SUPPLIER_FAULT", line_id=line_id)
        calls += [refund() for _ in range(3)]
    calls += [bank.wins() for bank in banks]

    outcome = await all_at_once(calls)

    assert outcome.errors == []
    assert set(outcome.refused) <= {
        "ALREADY_REPLACED",
        "OUT_OF_STOCK",
        "VALIDATION",
        "ORDER_DISPUTED",
    }
    assert await verify(database.database_url) == []


def another_for(purchase: Purchase, bad: UUID) -> Awaitable[UUID]:
    return ask_for_another(purchase, Wish(purchase.no, bad, "not valid"))


async def sold_again(desk: SalesDesk) -> Purchase:
    """One key more, sold by card and opened."""
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    await purchase.reveal()
    return purchase
