"""The key pool: exact keys, all of them or none, and never one that somebody has seen."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from key_pools import IN_TIME, Pool
from supplier_stalls import open_stall, sell
from supply import pool
from supply.pool import HoldLost, OutOfStock, Wanted

pytestmark = pytest.mark.engines


@pytest.fixture
async def keys(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[Pool]:
    yield Pool(owner, await open_stall(owner))


async def test_a_hold_is_of_the_keys_that_end_first_and_then_of_those_that_came_first(
    keys: Pool,
) -> None:
    await keys.stock("never 1", "never 2")
    await keys.stock("late", expires_in_days=60)
    await keys.stock("early 1", "early 2", expires_in_days=30)
    assert await keys.held(1) == {"early 1"}
    assert await keys.held(2) == {"early 2", "late"}
    assert await keys.held(1) == {"never 1"}
    assert await keys.held(1) == {"never 2"}


async def test_a_hold_is_all_or_nothing_and_says_how_many_there_are(keys: Pool) -> None:
    await keys.stock("1", "2", "3")
    before = await keys.owner.fetch("select * from keys order by id")
    with pytest.raises(OutOfStock, match="Only 3 left") as refused:
        await keys.hold(4)
    assert refused.value.details == {"available": 3}
    assert await keys.owner.fetch("select * from keys order by id") == before
    assert await keys.held(3) == {"1", "2", "3"}
    with pytest.raises(OutOfStock, match="Sold out"):
        await keys.hold(1)


async def test_a_refused_hold_leaves_the_rest_of_its_transaction_alone(keys: Pool) -> None:
    await keys.stock("1", "2")
    async with db.transaction(db.core_scope()):
        until = await db.fetch_value("select platform_now()") + IN_TIME
        with pytest.raises(OutOfStock):
            await pool.hold(Wanted(new_id(), keys.stall.listing_id, 3, 0), until=until)
        await pool.hold(Wanted(new_id(), keys.stall.listing_id, 2, 0), until=until)
    assert await keys.states() == {"1": "HELD", "2": "HELD"}


async def test_a_key_too_near_to_its_end_is_not_sold(keys: Pool) -> None:
    await keys.stock("ends today", expires_in_days=0)
    await keys.stock("ends in a week", expires_in_days=7)
    await keys.stock("ends in a month", expires_in_days=30)
    with pytest.raises(OutOfStock) as refused:
        await keys.hold(2, min_remaining_days=10)
    assert refused.value.details == {"available": 1}
    assert await keys.held(1, min_remaining_days=10) == {"ends in a month"}
    assert await keys.held(1) == {"ends in a week"}
    with pytest.raises(OutOfStock):
        await keys.hold(1)


async def test_a_released_key_goes_to_the_tail_of_those_that_end_when_it_does(
    keys: Pool,
) -> None:
    await keys.stock("early", expires_in_days=30)
    await keys.stock("1", "2", expires_in_days=60)
    line_id, held = await keys.hold(2)
    assert await keys.named(held) == {"early", "1"}
    async with db.transaction(db.core_scope()):
        assert await pool.release(line_ids=[line_id], key_ids=held) == 2
        # Once more, and for another line: nothing is there to be freed.
        assert await pool.release(line_ids=[line_id, new_id()], key_ids=held) == 0
    assert await keys.held(1) == {"early"}
    assert await keys.held(1) == {"2"}
    assert await keys.held(1) == {"1"}


async def test_only_the_line_that_holds_a_key_can_sell_or_free_it(keys: Pool) -> None:
    await keys.stock("1", "2")
    line_id, held = await keys.hold(2)
    async with db.transaction(db.core_scope()):
        with pytest.raises(HoldLost):
            await sell(line_id=new_id(), key_ids=held)
        assert await pool.release(line_ids=[new_id()], key_ids=held) == 0
    assert await keys.states() == {"1": "HELD", "2": "HELD"}
    async with db.transaction(db.core_scope()):
        await sell(line_id=line_id, key_ids=held)
    assert await keys.states() == {"1": "SOLD", "2": "SOLD"}


async def test_a_hold_that_ran_out_is_still_ours_until_somebody_takes_it_over(
    keys: Pool,
) -> None:
    await keys.stock("1", "2")
    first, of_first = await keys.hold(2)
    await keys.shift_clock("16 minutes")
    async with db.transaction(db.core_scope()):
        await sell(line_id=first, key_ids=of_first)
    assert await keys.states() == {"1": "SOLD", "2": "SOLD"}


async def test_keys_whose_hold_ran_out_are_held_again_and_the_first_holder_sells_none_of_them(
    keys: Pool,
) -> None:
    await keys.stock("1", "2", "3")
    first, of_first = await keys.hold(3)
    with pytest.raises(OutOfStock):
        await keys.hold(1)
    await keys.shift_clock("16 minutes")
    second, of_second = await keys.hold(1)
    async with db.transaction(db.core_scope()):
        with pytest.raises(HoldLost):
            await sell(line_id=first, key_ids=of_first)
    # Two of the three were still the first one's, and yet none of them is sold.
    assert set((await keys.states()).values()) == {"HELD"}
    async with db.transaction(db.core_scope()):
        assert await pool.release(line_ids=[first], key_ids=of_first) == 2
        await sell(line_id=second, key_ids=of_second)
    assert sorted((await keys.states()).values()) == ["AVAILABLE", "AVAILABLE", "SOLD"]


async def test_a_clean_key_goes_before_one_whose_hold_ran_out(keys: Pool) -> None:
    await keys.stock("held", "clean")
    await keys.hold(1)
    await keys.shift_clock("16 minutes")
    assert await keys.held(1) == {"clean"}
    assert await keys.held(1) == {"held"}


async def test_a_sold_key_comes_back_unseen_and_a_revealed_one_never(keys: Pool) -> None:
    await keys.stock("unseen", "seen")
    line_id, held = await keys.hold(2)
    seen = [await keys.owner.fetchval("select id from sealed_keys where serial = 'seen'")]
    unseen = [key_id for key_id in held if key_id not in seen]
    async with db.transaction(db.core_scope()):
        await sell(line_id=line_id, key_ids=held)
        await pool.mark_revealed(seen)
        await pool.take_back(line_id=line_id, key_ids=unseen)
        with pytest.raises(HoldLost):
            await pool.take_back(line_id=line_id, key_ids=seen)
        assert await pool.release(line_ids=[line_id], key_ids=seen) == 0
    assert await keys.states() == {"unseen": "AVAILABLE", "seen": "REVEALED"}


async def test_not_even_the_owner_can_make_a_revealed_key_anything_but_void(keys: Pool) -> None:
    await keys.stock("seen")
    line_id, held = await keys.hold(1)
    async with db.transaction(db.core_scope()):
        await sell(line_id=line_id, key_ids=held)
        await pool.mark_revealed(held)
    for state in ("AVAILABLE", "HELD", "SOLD", "EXPIRED", "WITHDRAWN"):
        with pytest.raises(asyncpg.CheckViolationError, match="does not go from REVEALED"):
            await keys.owner.execute(
                """update keys set status = $1::text,
                          held_by_line_id = case when $1::text in ('HELD', 'SOLD')
                                                 then held_by_line_id end,
                          held_until = case when $1::text = 'HELD' then now() end""",
                state,
            )
    assert await keys.states() == {"seen": "REVEALED"}
    await keys.owner.execute("update keys set status = 'VOIDED'")


async def test_orders_of_two_lines_that_cross_all_end_and_nothing_is_sold_twice(
    keys: Pool, owner: asyncpg.Connection
) -> None:
    other = Pool(owner, await open_stall(owner))
    await keys.stock(*(f"a{number}" for number in range(10)))
    await other.stock(*(f"b{number}" for number in range(10)))
    # As the checkout does it: listings in the order of their ids, whatever the buyer's order.
    in_lock_order = sorted((keys, other), key=lambda one: one.stall.listing_id)

    async def order() -> list[UUID] | None:
        held: list[UUID] = []
        try:
            async with db.transaction(db.core_scope()):
                until = await db.fetch_value("select platform_now()") + IN_TIME
                for one in in_lock_order:
                    wanted = Wanted(new_id(), one.stall.listing_id, 2, 0)
                    held += await pool.hold(wanted, until=until)
                    await asyncio.sleep(0.002)
        except OutOfStock:
            return None
        return held

    orders = await asyncio.gather(*(order() for _ in range(8)))
    done = [held for held in orders if held is not None]
    sold = [key_id for held in done for key_id in held]
    assert len(done) == 5, "ten keys of each, two a line"
    assert len(sold) == len(set(sold)) == 20
    assert set((await keys.states()).values()) == {"HELD"}
