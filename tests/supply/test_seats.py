"""Shared keys: as many seats as buyers may use one at once, each sold and opened for itself."""

from pathlib import Path

import asyncpg
import pytest

from kernel.settings import Settings
from supplier_stalls import open_stall, secrets_of, share_keys, text_file
from supply.importing import ImportLimits, Outcome, batch_report, import_keys, undo_batch
from supply.vault import open_key, verify_commitment

pytestmark = pytest.mark.engines


async def seats_of(owner: asyncpg.Connection) -> list[tuple[str, int]]:
    """(secret, seat) of all that can be sold, in the order in which they will be."""
    rows = await owner.fetch(
        """select keys.id, supplier_listing_id, secret, secret_key_id, commitment,
                  coalesce(seat, 1) as seat
           from keys join sealed_keys using (id) left join key_seats on key_id = keys.id
           where status = 'AVAILABLE' order by position"""
    )
    found = []
    for row in rows:
        key = open_key(
            key_id=row["id"],
            supplier_listing_id=row["supplier_listing_id"],
            secret=row["secret"],
            secret_key_id=row["secret_key_id"],
        )
        assert verify_commitment(
            secret=key.secret, salt_hex=key.salt_hex, commitment=row["commitment"]
        )
        found.append((key.secret, row["seat"]))
    return found


async def test_each_key_of_shared_goods_becomes_its_seats_sealed_one_by_one(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    await share_keys(owner, stall.sku_id, seats=3)
    secrets = secrets_of(2)
    report = await import_keys(
        supplier_listing_id=stall.listing_id, path=text_file(tmp_path, secrets)
    )
    assert (report.accepted, report.line_count) == (2, 2)  # lines, not seats
    first, second = secrets
    assert await seats_of(owner) == [
        (first, 1), (second, 1), (first, 2), (second, 2), (first, 3), (second, 3),
    ]  # fmt: skip
    sealed = await owner.fetch("select secret, commitment, fingerprint from sealed_keys")
    assert all(len({row[n] for row in sealed}) == 6 for n in range(3))
    outcomes = [line.outcome async for line in batch_report(report.batch_id)]
    assert outcomes == [Outcome.ACCEPTED] * 2


async def test_a_secret_that_is_there_already_brings_no_seat(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    plain, shared = await open_stall(owner), await open_stall(owner)
    await share_keys(owner, shared.sku_id, seats=4)
    secrets = secrets_of(3)
    await import_keys(
        supplier_listing_id=plain.listing_id, path=text_file(tmp_path, secrets[:1], name="a.txt")
    )
    report = await import_keys(
        supplier_listing_id=shared.listing_id,
        path=text_file(tmp_path, secrets, name="b.txt"),
        limits=ImportLimits(chunk_lines=2),
    )
    assert (report.accepted, report.rejected) == (2, 1)
    assert len(await seats_of(owner)) == 1 + 2 * 4
    again = await import_keys(
        supplier_listing_id=shared.listing_id,
        path=text_file(tmp_path, [*secrets, "another-secret"], name="c.txt"),
    )
    assert (again.accepted, again.rejected) == (1, 3)
    assert len(await seats_of(owner)) == 1 + 3 * 4


async def test_an_import_that_is_undone_takes_all_seats_back_and_may_come_again(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    await share_keys(owner, stall.sku_id, seats=5)
    path = text_file(tmp_path, secrets_of(2))
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert (await undo_batch(report.batch_id)).withdrawn == 10
    assert await seats_of(owner) == []
    await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert len(await seats_of(owner)) == 10


async def test_the_database_knows_each_seat_once_and_only_shared_goods_have_several(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("update skus set seats = 2")
    await share_keys(owner, stall.sku_id, seats=2)
    path = text_file(tmp_path, secrets_of(2))
    await import_keys(supplier_listing_id=stall.listing_id, path=path)
    first, second = await owner.fetch("select * from key_seats order by key_id")
    for seat in (1, 2, 101):
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.UniqueViolationError)):
            await owner.execute(
                "update key_seats set first_key_id = $2, seat = $3 where key_id = $1",
                second["key_id"],
                first["first_key_id"],
                seat,
            )
