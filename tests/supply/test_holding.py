"""The sale's own way to take keys: the next free ones, wherever the search begins."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from kernel.statements import Statement
from key_pools import IN_TIME, Pool
from supplier_stalls import open_stall, sell
from supply import holding, pool_heads
from supply.holding import Pick
from supply.pool import Wanted, release, take_back

pytestmark = pytest.mark.engines

TAKE = Statement.of(
    "moment as materialized (select platform_now() as now), admitted as (select 1)",
    holding.PICK,
    holding.HOLD,
    then="select * from held order by n",
)
FAR_TOO_HIGH = 1 << 62


@pytest.fixture
async def keys(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[Pool]:
    holding.hints.forget()
    yield Pool(owner, await open_stall(owner))
    holding.hints.forget()


async def taken(pick: Pick) -> list[asyncpg.Record]:
    """What the statement takes in a transaction of its own."""
    async with db.transaction(db.core_scope()):
        values = pick.values() | {"hold_for": IN_TIME}
        return await db.fetch(TAKE.sql, *TAKE.values(values))


async def serials(
    keys: Pool, quantity: int = 1, *, begin: int | None = None, min_remaining_days: int = 0
) -> list[str]:
    """The serials that are taken, in order; the search begins where the hint says, or at `begin`.

    An empty list when there are not enough.
    """
    wanted = [Wanted(new_id(), keys.stall.listing_id, quantity, min_remaining_days)]
    pick = Pick.of(wanted) if begin is None else Pick(wanted, [begin])
    rows = await taken(pick)
    if rows and begin is None:
        pick.learn([row["position"] for row in rows])
    return [row["serial"] for row in rows]


async def test_the_earliest_expiry_goes_first_and_then_the_first_that_came(keys: Pool) -> None:
    await keys.stock("never 1", "never 2")
    await keys.stock("late", expires_in_days=60)
    await keys.stock("early 1", "early 2", expires_in_days=30)
    assert await serials(keys) == ["early 1"]
    assert await serials(keys, 2) == ["early 2", "late"]
    assert await serials(keys) == ["never 1"]
    assert await serials(keys) == ["never 2"]
    assert await serials(keys) == []


@pytest.mark.parametrize("begin", [0, 1, FAR_TOO_HIGH, None])
async def test_a_hint_never_loses_a_key_however_wrong_it_is(keys: Pool, begin: int | None) -> None:
    await keys.stock("a", "b", "c", "d", "e")
    if begin is None:
        holding.hints.learn(keys.stall.listing_id, FAR_TOO_HIGH, began=None)
    assert await serials(keys, 3, begin=begin) == ["a", "b", "c"]
    assert await serials(keys, 3, begin=begin) == []
    assert await serials(keys, 2, begin=begin) == ["d", "e"]


async def test_keys_on_both_sides_of_the_hint_make_up_one_order(keys: Pool) -> None:
    await keys.stock("before 1", "before 2", "after 1", "after 2")
    begin = await keys.owner.fetchval(
        "select position from keys join sealed_keys using (id) where serial = 'after 1'"
    )
    assert sorted(await serials(keys, 3, begin=begin)) == ["after 1", "after 2", "before 1"]
    assert await serials(keys, 1, begin=begin) == ["before 2"]


async def test_a_key_that_came_back_before_the_hint_is_the_next_one_within_a_second(
    keys: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.stock("early", expires_in_days=30)
    await keys.stock("late 1", "late 2", "late 3", expires_in_days=60)
    assert await serials(keys, 2) == ["early", "late 1"]
    await keys.owner.execute(
        """update keys set status = 'AVAILABLE', held_by_line_id = null, held_until = null
           where id = (select id from sealed_keys where serial = 'early')"""
    )
    assert await serials(keys) == ["late 2"], "the hint is good for a second"
    monkeypatch.setattr("supply.cursor_hints.SECONDS", 0.0)
    assert await serials(keys) == ["early"]


async def place_of(keys: Pool, serial: str) -> int:
    place: int = await keys.owner.fetchval(
        "select position from keys join sealed_keys using (id) where serial = $1", serial
    )
    return place


async def head(keys: Pool) -> int | None:
    place: int | None = await keys.owner.fetchval(
        "select position from pool_heads where supplier_listing_id = $1", keys.stall.listing_id
    )
    return place


async def test_who_knows_no_place_begins_at_the_head_and_goes_before_it_when_short(
    keys: Pool,
) -> None:
    await keys.stock("a", "b", "c", "d")
    await keys.owner.execute(
        "insert into pool_heads values ($1, $2)", keys.stall.listing_id, await place_of(keys, "c")
    )
    assert await serials(keys) == ["c"]
    holding.hints.forget()  # as another process
    assert await serials(keys) == ["d"]
    holding.hints.forget()
    assert await serials(keys, 2) == ["a", "b"]


async def test_the_head_is_looked_for_once_in_so_many_holds(
    keys: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supply.cursor_hints.HOLDS_PER_LOOK", 3)
    await keys.stock("too near its end", expires_in_days=2)
    await keys.owner.execute("update skus set min_remaining_days = 5")
    await keys.stock("a", "b", "c", "d", "e", "f", "g")
    for _ in range(2):
        await serials(keys, min_remaining_days=5)
    await pool_heads.looking.all_done()
    assert await head(keys) is None
    await serials(keys, min_remaining_days=5)
    await pool_heads.looking.all_done()
    assert await head(keys) == await place_of(keys, "d")
    for _ in range(3):
        await serials(keys, min_remaining_days=5)
    await pool_heads.looking.all_done()
    assert await head(keys) == await place_of(keys, "g")


async def test_keys_that_come_into_the_pool_before_its_head_are_its_head(keys: Pool) -> None:
    """Else the earliest expiry would not go first while later ones are left."""
    await keys.stock("early", "second", expires_in_days=30)
    await keys.stock("late", expires_in_days=60)
    line_id = new_id()
    [sold] = await taken(Pick.of([Wanted(line_id, keys.stall.listing_id, 1, 0)]))
    late = await place_of(keys, "late")
    await keys.owner.execute("insert into pool_heads values ($1, $2)", keys.stall.listing_id, late)
    async with db.transaction(db.core_scope()):
        await release(line_ids=[line_id], key_ids=[sold["key_id"]])
    assert await head(keys) == await place_of(keys, "early") < late

    [sold] = await taken(Pick([Wanted(line_id, keys.stall.listing_id, 1, 0)], [0]))
    await keys.owner.execute(
        "update keys set status = 'SOLD', held_until = null where id = $1", sold["key_id"]
    )
    await keys.owner.execute("update pool_heads set position = $1", late)
    async with db.transaction(db.core_scope()):
        await take_back(line_id=line_id, key_ids=[sold["key_id"]])
    assert await head(keys) == await place_of(keys, sold["serial"]) < late


async def test_an_order_that_comes_out_short_takes_nothing_of_any_line(keys: Pool) -> None:
    other = Pool(keys.owner, await open_stall(keys.owner))
    await keys.stock("a1", "a2")
    await other.stock("b1")
    lines = [
        Wanted(new_id(), keys.stall.listing_id, 2, 0),
        Wanted(new_id(), other.stall.listing_id, 2, 0),
    ]
    assert await taken(Pick.of(lines)) == []
    assert set((await keys.states()).values()) == {"AVAILABLE"}


async def test_the_keys_come_in_the_order_of_the_lines(keys: Pool) -> None:
    other = Pool(keys.owner, await open_stall(keys.owner))
    await keys.stock("a1", "a2")
    await other.stock("b1", "b2")
    for first, second in ((other, keys), (keys, other)):
        lines = [Wanted(new_id(), one.stall.listing_id, 1, 0) for one in (first, second)]
        pick = Pick.of(lines)
        rows = await taken(pick)
        listings = [
            await keys.owner.fetchval(
                "select supplier_listing_id from keys where id = $1", row["key_id"]
            )
            for row in rows
        ]
        assert listings == [one.supplier_listing_id for one in lines]
        holders = [
            await keys.owner.fetchval("select held_by_line_id from keys where id = $1", row[1])
            for row in rows
        ]
        assert holders == [one.line_id for one in lines]


async def test_a_key_that_ends_too_early_is_not_taken(keys: Pool) -> None:
    await keys.stock("ends today", expires_in_days=0)
    await keys.stock("ends in a week", expires_in_days=7)
    await keys.stock("ends in a month", expires_in_days=30)
    assert await serials(keys, 2, min_remaining_days=10) == []
    assert await serials(keys, min_remaining_days=10) == ["ends in a month"]
    holding.hints.forget()
    assert await serials(keys) == ["ends in a week"]
    assert await serials(keys) == []


async def test_who_takes_a_key_and_sells_it_writes_nothing_in_the_vault(keys: Pool) -> None:
    await keys.stock("a", "b", "c")
    versions = "select ctid, xmin::text, xmax::text from sealed_keys order by id"
    before = await keys.owner.fetch(versions)
    wanted = [Wanted(new_id(), keys.stall.listing_id, 2, 0)]
    held = await taken(Pick.of(wanted))
    async with db.transaction(db.core_scope()):
        await sell(line_id=wanted[0].line_id, key_ids=[row["key_id"] for row in held])
    assert sorted((await keys.states()).values()) == ["AVAILABLE", "SOLD", "SOLD"]
    assert await keys.owner.fetch(versions) == before


async def test_locked_keys_are_skipped_and_not_waited_for(keys: Pool) -> None:
    await keys.stock("locked", "free")
    async with keys.owner.transaction():
        await keys.owner.execute(
            """select from keys join sealed_keys using (id) where serial = 'locked'
               for update of keys"""
        )
        assert await serials(keys) == ["free"]
        assert await serials(keys) == []
    assert await serials(keys) == ["locked"]
