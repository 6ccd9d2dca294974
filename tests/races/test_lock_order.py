"""Who waits for whom: keys are locked in one order, and the last keys are worth waiting for."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from orders import expiry, settlement
from orders.checkout import OrderMade
from patience import until_somebody_waits
from races.purchases import PRICE_MINOR, key_statuses, open_card_payment, quantities, quick_buy
from supply import pool
from supply.pool import Wanted
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

QUANTITY = 6


@pytest.fixture
async def onlooker(config: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A second connection as the owner."""
    connection = await asyncpg.connect(config.database_url)
    yield connection
    await connection.close()


async def lay_keys_backwards(owner: asyncpg.Connection) -> None:
    """Store the keys in the opposite order of their ids: who takes them as they lie is seen."""
    await owner.execute("create temporary table backwards as select * from keys order by id desc")
    await owner.execute("delete from keys")
    await owner.execute("insert into keys select * from backwards order by id desc")


async def expired(shop: Shop, order: OrderMade) -> object:
    """The sweep frees the order's keys."""
    return await expiry.expire_order(shop.id, order.order_id)


async def paid(shop: Shop, order: OrderMade) -> object:
    """A late payment sells them."""
    report = await open_card_payment(shop, order, amount_minor=QUANTITY * PRICE_MINOR)
    return await settlement.hear(report)


@pytest.mark.parametrize("use_case", [expired, paid])
async def test_held_keys_are_locked_by_their_ids_wherever_they_lie(
    shop: Shop,
    world: World,
    onlooker: asyncpg.Connection,
    use_case: Callable[[Shop, OrderMade], Coroutine[Any, Any, object]],
) -> None:
    await world.keys(QUANTITY)
    await lay_keys_backwards(world.owner)
    order = await quick_buy(shop, world.goods, quantity=QUANTITY)
    await world.shift_clock("16 minutes")

    async with world.owner.transaction():
        await world.owner.execute("select from keys order by id limit 1 for update")
        under_way = asyncio.create_task(use_case(shop, order))
        await until_somebody_waits(onlooker)
        not_locked = await onlooker.fetch("select id from keys for update skip locked")
    await under_way

    assert len(not_locked) == QUANTITY - 1


async def test_a_buyer_waits_for_the_last_keys_and_has_them_when_the_other_gives_up(
    shop: Shop, world: World, onlooker: asyncpg.Connection
) -> None:
    await world.keys(QUANTITY)
    until = await world.owner.fetchval("select now() + interval '15 minutes'")
    outside = contextvars.copy_context()  # of the transaction that the other buyer is in
    other = Wanted(new_id(), world.goods.listing_id, QUANTITY - 1, min_remaining_days=0)

    class ChangedTheirMind(Exception):
        """The other buyer's transaction ends without an order."""

    with pytest.raises(ChangedTheirMind):
        async with db.transaction(db.core_scope()):
            assert len(await pool.hold(other, until=until)) == QUANTITY - 1
            waiting = asyncio.get_running_loop().create_task(
                quick_buy(shop, world.goods, quantity=QUANTITY), context=outside
            )
            await until_somebody_waits(onlooker)
            raise ChangedTheirMind
    order = await waiting

    assert await quantities(world.owner, [order]) == [QUANTITY]
    assert await key_statuses(world.owner, world.goods) == {"HELD": QUANTITY}
