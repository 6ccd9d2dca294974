"""Taking a batch back: whole or not at all, and the file can come again."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from kernel import db
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from patience import until_somebody_waits
from supplier_stalls import Stall, open_stall, secrets_of, sell, text_file
from supply import pool
from supply.importing import (
    BatchInUse,
    BatchReport,
    Outcome,
    WithdrawnBatch,
    import_keys,
    undo_batch,
)
from supply.pool import OutOfStock, Wanted

RELEASE = """
    update keys set status = 'AVAILABLE', held_by_line_id = null, held_until = null
    where status = 'HELD'
"""


async def imported(stall: Stall, folder: Path, *, count: int = 30) -> BatchReport:
    path = text_file(folder, [*secrets_of(count), "bad"])
    return await import_keys(supplier_listing_id=stall.listing_id, path=path)


async def hold_one(stall: Stall) -> Wanted:
    wanted = Wanted(new_id(), stall.listing_id, 1, 0)
    async with db.transaction(db.core_scope()):
        await pool.hold(wanted, until=datetime.now(UTC) + timedelta(minutes=15))
    return wanted


async def statuses(owner: asyncpg.Connection) -> dict[str, int]:
    """How many keys there are in each state; the vault says the same of those withdrawn."""
    rows = await owner.fetch("select status, count(*) as keys from keys group by status")
    counted = {row["status"]: row["keys"] for row in rows}
    withdrawn = "select count(*) from sealed_keys where withdrawn_at <= platform_now()"
    assert await owner.fetchval(withdrawn) == counted.get("WITHDRAWN", 0)
    return counted


async def test_an_undone_batch_leaves_the_pool_and_can_be_imported_again(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    first = await imported(stall, tmp_path)
    assert await undo_batch(first.batch_id) == WithdrawnBatch(first.batch_id, withdrawn=30)
    assert await statuses(owner) == {"WITHDRAWN": 30}
    with pytest.raises(OutOfStock):
        await hold_one(stall)
    again = await imported(stall, tmp_path)
    assert again.batch_id != first.batch_id
    assert (again.accepted, again.rejections) == (30, {Outcome.MALFORMED: 1})
    assert await statuses(owner) == {"WITHDRAWN": 30, "AVAILABLE": 30}


async def test_undoing_twice_changes_nothing_more(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    first = await imported(stall, tmp_path)
    await undo_batch(first.batch_id)
    again = await imported(stall, tmp_path)
    assert (await undo_batch(first.batch_id)).withdrawn == 0
    assert await owner.fetchval("select status from key_batches where id = $1", again.batch_id) == (
        "PARTLY_ACCEPTED"
    )
    assert await statuses(owner) == {"WITHDRAWN": 30, "AVAILABLE": 30}


async def test_a_withdrawn_key_may_come_back_from_another_supplier(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    one, other = await open_stall(owner), await open_stall(owner)
    first = await imported(one, tmp_path)
    refused = await imported(other, tmp_path)
    assert refused.rejections == {Outcome.DUPLICATE_ELSEWHERE: 30, Outcome.MALFORMED: 1}
    assert refused.status == "REJECTED"
    await undo_batch(first.batch_id)
    await undo_batch(refused.batch_id)
    assert (await imported(other, tmp_path)).accepted == 30
    assert (await imported(one, tmp_path)).accepted == 0


@pytest.mark.parametrize("sold", [False, True])
async def test_a_batch_with_a_key_held_or_sold_is_not_undone_at_all(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path, sold: bool
) -> None:
    stall = await open_stall(owner)
    report = await imported(stall, tmp_path)
    wanted = await hold_one(stall)
    if sold:
        held = await owner.fetchval("select id from keys where status = 'HELD'")
        async with db.transaction(db.core_scope()):
            await sell(line_id=wanted.line_id, key_ids=[held])
    before = await owner.fetch("select * from keys order by id")
    with pytest.raises(BatchInUse) as refused:
        await undo_batch(report.batch_id)
    assert refused.value.details == {"in_use": 1}
    assert await owner.fetch("select * from keys order by id") == before
    assert await owner.fetchval("select status from key_batches") == "PARTLY_ACCEPTED"


async def test_a_hold_that_ran_out_can_still_be_paid_so_it_counts_as_held(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    report = await imported(stall, tmp_path)
    await hold_one(stall)
    await owner.execute("update keys set held_until = '2020-01-01' where status = 'HELD'")
    with pytest.raises(BatchInUse):
        await undo_batch(report.batch_id)


async def test_only_the_keys_of_the_batch_are_withdrawn(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    report = await imported(stall, tmp_path)
    other_file = text_file(tmp_path, secrets_of(7, seed=2), name="other.txt")
    await import_keys(supplier_listing_id=stall.listing_id, path=other_file)
    await hold_one_of_other_batch(owner, not_batch=report)
    await undo_batch(report.batch_id)
    assert await statuses(owner) == {"WITHDRAWN": 30, "AVAILABLE": 6, "HELD": 1}


async def hold_one_of_other_batch(owner: asyncpg.Connection, *, not_batch: BatchReport) -> None:
    await owner.execute(
        """update keys set status = 'HELD', held_by_line_id = $2, held_until = now()
           where id = (select id from sealed_keys where batch_id <> $1 limit 1)""",
        not_batch.batch_id,
        new_id(),
    )


async def test_a_batch_that_does_not_exist_is_not_found(database: Settings) -> None:
    with pytest.raises(NotFound):
        await undo_batch(new_id())


async def test_a_buyer_and_an_undo_at_once_never_both_get_the_key(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    won_by = {"buyer": 0, "undo": 0}
    for _ in range(15):
        report = await imported(stall, tmp_path, count=3)
        held, undone = await asyncio.gather(
            hold_one(stall), undo_batch(report.batch_id), return_exceptions=True
        )
        if isinstance(undone, WithdrawnBatch):
            won_by["undo"] += 1
            assert isinstance(held, OutOfStock)
            assert await statuses_of(owner, report) == {"WITHDRAWN": 3}
        else:
            won_by["buyer"] += 1
            assert isinstance(undone, BatchInUse)
            assert isinstance(held, Wanted)
            assert await statuses_of(owner, report) == {"AVAILABLE": 2, "HELD": 1}
            await owner.execute(RELEASE)
            await undo_batch(report.batch_id)
    assert sum(won_by.values()) == 15


async def test_a_key_whose_hold_ends_meanwhile_is_withdrawn_like_the_others(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    report = await imported(stall, tmp_path)
    await hold_one(stall)
    keeper = await asyncpg.connect(database.database_url)
    try:
        async with keeper.transaction():
            await keeper.execute("select from keys where status = 'AVAILABLE' limit 1 for update")
            undoing = asyncio.create_task(undo_batch(report.batch_id))
            await until_somebody_waits(owner)
            # The undo has read which keys are free, and waits for one of them.
            await owner.execute(RELEASE)
        assert (await undoing).withdrawn == 30
    finally:
        await keeper.close()
    assert await statuses(owner) == {"WITHDRAWN": 30}


async def statuses_of(owner: asyncpg.Connection, report: BatchReport) -> dict[str, int]:
    rows = await owner.fetch(
        """select status, count(*) as keys from keys join sealed_keys using (id)
           where batch_id = $1 group by status""",
        report.batch_id,
    )
    return {row["status"]: row["keys"] for row in rows}
