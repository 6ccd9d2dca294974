"""An import from the file to the pool: what is accepted, what is refused, and what is kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from supplier_stalls import Stall, open_stall, rows_written, secrets_of, text_file
from supply.importing import (
    ImportLimits,
    ImportProgress,
    Outcome,
    batch_report,
    import_keys,
)
from supply.vault import open_key, verify_commitment

SMALL_CHUNKS = ImportLimits(chunk_lines=10)


async def pool_of(owner: asyncpg.Connection, stall: Stall) -> list[str]:
    """The secrets of a listing that can be sold, in the order in which they will be."""
    rows = await owner.fetch(
        """select id, secret, secret_key_id from keys join sealed_keys using (id)
           where supplier_listing_id = $1 and status = 'AVAILABLE' order by position""",
        stall.listing_id,
    )
    return [
        open_key(
            key_id=row["id"],
            supplier_listing_id=stall.listing_id,
            secret=row["secret"],
            secret_key_id=row["secret_key_id"],
        ).secret
        for row in rows
    ]


async def outcomes_of(batch_id: UUID) -> dict[int, Outcome]:
    return {line.line_number: line.outcome async for line in batch_report(batch_id)}


async def test_a_text_file_becomes_sealed_keys_in_the_order_of_its_lines(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    secrets = secrets_of(35)
    report = await import_keys(
        supplier_listing_id=stall.listing_id,
        path=text_file(tmp_path, secrets),
        source_declaration="Bought from the publisher",
        limits=SMALL_CHUNKS,
    )
    assert (report.status, report.line_count, report.accepted, report.rejected) == (
        "ACCEPTED",
        35,
        35,
        0,
    )
    assert report.rejections == {}
    assert await pool_of(owner, stall) == secrets
    batch = await owner.fetchrow("select * from key_batches")
    assert batch["source_declaration"] == "Bought from the publisher"
    assert batch["finished_at"] is not None
    assert batch["sku_id"] == stall.sku_id


async def test_keys_of_a_chunk_lie_in_the_pool_as_they_will_be_sold(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    ends = ("2091-01-31", "2090-01-31", "")
    lines = [f"{secret},{ends[n % 3]}" for n, secret in enumerate(secrets_of(30))]
    path = text_file(tmp_path, ["secret,expires_at", *lines], name="keys.csv")
    await import_keys(supplier_listing_id=stall.listing_id, path=path)
    rows = await owner.fetch("select position, expires_at from keys order by ctid")
    assert len({row["expires_at"] for row in rows}) == 3
    positions = [row["position"] for row in rows]
    assert positions == sorted(positions)


async def test_the_keys_that_expire_first_are_sold_first(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(
        tmp_path,
        [
            "secret,serial,expires_at",
            "NEVER-1,,",
            "LATE-1,,2099-06-30",
            "EARLY-1,,2099-01-31",
            "EARLY-2,SN7,2099-01-31",
            "PAST-1,,2020-01-31",
        ],
        name="keys.csv",
    )
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert await pool_of(owner, stall) == ["EARLY-1", "EARLY-2", "LATE-1", "NEVER-1"]
    assert report.rejections == {Outcome.EXPIRED: 1}
    assert report.line_count == 6
    tail = report.batch_id.hex[-8:].upper()
    serials = await owner.fetch("select serial from sealed_keys order by line_number")
    assert [row["serial"] for row in serials] == [
        f"{tail}-000002",
        f"{tail}-000003",
        f"{tail}-000004",
        "SN7",
    ]
    # What comes in before the head of the pool is its head.
    head = "select position = (select min(position) from keys) from pool_heads"
    await owner.execute("insert into pool_heads values ($1, $2)", stall.listing_id, 1 << 62)
    path = text_file(tmp_path, ["secret,expires_at", "FIRST-1,2099-01-01"], name="more.csv")
    await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert (await pool_of(owner, stall))[0] == "FIRST-1"
    assert await owner.fetchval(head) is True


async def test_the_platforms_clock_decides_what_is_expired(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    in_a_day = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    path = text_file(tmp_path, ["secret,expires_at", f"ABCD-1234,{in_a_day}"], name="keys.csv")
    await owner.execute("insert into sandbox_clock (shift) values ('2 days')")
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert (report.status, report.rejections) == ("REJECTED", {Outcome.EXPIRED: 1})


async def test_every_line_is_reported_with_its_reason(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    others = await open_stall(owner)
    await import_keys(supplier_listing_id=others.listing_id, path=text_file(tmp_path, ["THEIRS-1"]))
    stall = await open_stall(owner)
    second_listing = await open_stall(owner, supplier_id=stall.supplier_id)
    await import_keys(
        supplier_listing_id=second_listing.listing_id, path=text_file(tmp_path, ["MINE-1"])
    )
    lines = [
        "FRESH-1",
        "",
        "ＦＲＥＳＨ－１",
        "theirs-1",
        "SN1----mine - 1",
        "bad",
        "FRESH-2",
        *(f"FRESH-{number}" for number in range(3, 20)),
        "FRESH-1",
    ]
    report = await import_keys(
        supplier_listing_id=stall.listing_id,
        path=text_file(tmp_path, lines),
        limits=SMALL_CHUNKS,
    )
    outcomes = await outcomes_of(report.batch_id)
    assert {line: outcome for line, outcome in outcomes.items() if outcome != "ACCEPTED"} == {
        3: Outcome.DUPLICATE_HERE,  # in the same chunk
        4: Outcome.DUPLICATE_ELSEWHERE,
        5: Outcome.DUPLICATE_HERE,  # in another listing of the same supplier
        6: Outcome.MALFORMED,
        25: Outcome.DUPLICATE_HERE,  # in an earlier chunk
    }
    assert sorted(outcomes) == [line for line in range(1, 26) if line != 2]
    assert (report.status, report.accepted, report.rejected) == ("PARTLY_ACCEPTED", 19, 5)
    assert report.rejections == {
        Outcome.DUPLICATE_HERE: 3,
        Outcome.DUPLICATE_ELSEWHERE: 1,
        Outcome.MALFORMED: 1,
    }


async def test_the_report_shows_a_commitment_that_holds_and_starts_where_it_is_asked_to(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    report = await import_keys(
        supplier_listing_id=stall.listing_id,
        path=text_file(tmp_path, ["SN1,ABCD-1234", "bad", "SN3,EFGH-5678"]),
    )
    lines = [line async for line in batch_report(report.batch_id, after_line=1)]
    assert [(line.line_number, line.outcome, line.serial) for line in lines] == [
        (2, Outcome.MALFORMED, ""),
        (3, Outcome.ACCEPTED, "SN3"),
    ]
    row = await owner.fetchrow("select * from sealed_keys where serial = 'SN3'")
    opened = open_key(
        key_id=row["id"],
        supplier_listing_id=stall.listing_id,
        secret=row["secret"],
        secret_key_id=row["secret_key_id"],
    )
    assert verify_commitment(
        secret=opened.secret,
        salt_hex=opened.salt_hex,
        commitment=bytes.fromhex(lines[1].commitment_hex),
    )
    assert lines[0].commitment_hex == ""


async def test_the_report_of_a_batch_that_does_not_exist_is_not_found(database: Settings) -> None:
    with pytest.raises(NotFound):
        [line async for line in batch_report(new_id())]


async def test_a_finished_file_is_reported_again_and_nothing_is_written(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, [*secrets_of(30), "bad"])
    first = await import_keys(supplier_listing_id=stall.listing_id, path=path)
    before = await rows_written(owner)
    seen: list[ImportProgress] = []
    renamed = path.rename(tmp_path / "same-again.txt")
    again = await import_keys(
        supplier_listing_id=stall.listing_id, path=renamed, progress=seen.append
    )
    assert (first.already_finished, again.already_finished) == (False, True)
    assert (again.batch_id, again.accepted, again.rejections) == (
        first.batch_id,
        30,
        {Outcome.MALFORMED: 1},
    )
    assert await rows_written(owner) == before
    assert seen == []


async def test_progress_is_told_from_the_first_line_to_the_last(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    seen: list[ImportProgress] = []
    await import_keys(
        supplier_listing_id=stall.listing_id,
        path=text_file(tmp_path, [*secrets_of(24), "bad"]),
        progress=seen.append,
        limits=SMALL_CHUNKS,
    )
    assert [(state.stored_lines, state.accepted, state.rejected) for state in seen] == [
        (0, 0, 0),
        (10, 10, 0),
        (20, 20, 0),
        (25, 24, 1),
    ]
    assert {state.line_count for state in seen} == {25}


async def test_a_gb18030_file_is_read_like_any_other(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = tmp_path / "keys.csv"
    path.write_bytes("secret,serial\r\nＡＢＣＤ－１２３４,卡号一\r\n".encode("gb18030"))
    await import_keys(supplier_listing_id=stall.listing_id, path=path)
    assert await pool_of(owner, stall) == ["ABCD-1234"]
    assert await owner.fetchval("select serial from sealed_keys") == "卡号一"


@pytest.mark.parametrize("stop_after", [0, 10, 20, 25])
@pytest.mark.parametrize("name", ["keys.csv", "keys.txt"])
async def test_an_import_goes_on_after_the_last_stored_line(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path, name: str, stop_after: int
) -> None:
    class Stopped(Exception):
        """Raised between two chunks."""

    def stop(state: ImportProgress) -> None:
        if state.stored_lines >= stop_after:
            raise Stopped

    stall = await open_stall(owner)
    secrets = secrets_of(24)
    path = text_file(tmp_path, ["secret", *secrets], name=name)
    with pytest.raises(Stopped):
        await import_keys(
            supplier_listing_id=stall.listing_id, path=path, progress=stop, limits=SMALL_CHUNKS
        )
    # The first chunk of a CSV file is its header and ten lines.
    stored = await owner.fetchval("select line_count from key_batches")
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=SMALL_CHUNKS)
    assert report.resumed_after_line == stored
    expected = secrets if name == "keys.csv" else ["secret", *secrets]
    assert await pool_of(owner, stall) == expected
    assert (report.line_count, report.accepted) == (25, len(expected))
