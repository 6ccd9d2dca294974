"""What an import refuses, what it keeps secret, and how much it can take."""

import logging
import time
from pathlib import Path

import asyncpg
import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import Settings
from supplier_stalls import open_stall, rows_written, secrets_of, text_file
from supply.importing import FileRefused, ImportLimits, Outcome, batch_report, import_keys
from supply.importing.batches import MAX_SOURCE_DECLARATION_CHARS

# --- refusals


async def test_a_refused_import_leaves_nothing_written(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    good = text_file(tmp_path, secrets_of(3))
    bad = text_file(tmp_path, ["ABCD-1234\0"], name="bad.txt")
    with pytest.raises(FileRefused):
        await import_keys(supplier_listing_id=stall.listing_id, path=bad)
    with pytest.raises(FileRefused):
        await import_keys(
            supplier_listing_id=stall.listing_id, path=good, limits=ImportLimits(max_file_bytes=5)
        )
    with pytest.raises(NotFound):
        await import_keys(supplier_listing_id=new_id(), path=good)
    for declaration in ("x" * (MAX_SOURCE_DECLARATION_CHARS + 1), "\0"):
        with pytest.raises(Invalid):
            await import_keys(
                supplier_listing_id=stall.listing_id, path=good, source_declaration=declaration
            )
    assert await rows_written(owner) == 0


@pytest.mark.parametrize(
    "closing",
    [
        "update supplier_listings set status = 'DELISTED'",
        "update suppliers set status = 'SUSPENDED'",
        "update suppliers set status = 'TERMINATED'",
    ],
)
async def test_a_closed_listing_takes_no_keys(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path, closing: str
) -> None:
    stall = await open_stall(owner)
    await owner.execute(closing)
    with pytest.raises(Invalid):
        await import_keys(
            supplier_listing_id=stall.listing_id, path=text_file(tmp_path, secrets_of(3))
        )
    assert await rows_written(owner) == 0


# --- secrecy


async def test_no_secret_is_readable_in_any_column_or_log_line(
    database: Settings,
    owner: asyncpg.Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    stall = await open_stall(owner)
    canaries = ["CANARY-SECRET-ONE", "CANARY-SECRET-TWO", "CANARY-\x07-BAD"]
    await import_keys(
        supplier_listing_id=stall.listing_id, path=text_file(tmp_path, [*canaries, canaries[0]])
    )
    tables = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
    stored = ""
    for table in tables:
        for row in await owner.fetch(f'select t::text as row from "{table["tablename"]}" t'):
            stored += row["row"]
    written = caplog.text + "".join(capfd.readouterr()) + stored
    assert str(stall.listing_id) in stored
    for canary in ("CANARY", "SECRET-ONE", b"CANARY".hex()):
        assert canary.lower() not in written.lower()


async def test_a_failure_of_the_database_does_not_quote_a_secret(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    await owner.execute("alter table sealed_keys add check (length(serial) < 3)")
    with pytest.raises(asyncpg.CheckViolationError) as failed:
        await import_keys(
            supplier_listing_id=stall.listing_id, path=text_file(tmp_path, ["SN123,CANARY-1"])
        )
    told = f"{failed.value!r} {failed.value.detail}"
    assert "CANARY" not in told
    assert b"CANARY".hex() not in told
    assert await owner.fetchval("select count(*) from keys") == 0


# --- size


@pytest.mark.sweep
async def test_a_hundred_thousand_lines_with_every_fault_are_counted_exactly(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall, others = await open_stall(owner), await open_stall(owner)
    fresh, theirs = secrets_of(96_000, seed=1), secrets_of(1_000, seed=2)
    await import_keys(
        supplier_listing_id=others.listing_id, path=text_file(tmp_path, theirs, name="theirs.txt")
    )
    lines = ["secret,expires_at"]
    for number, secret in enumerate(fresh):
        lines.append(f"{secret},{2090 + number % 5}-01-31" if number % 3 == 0 else secret)
        if number % 96 == 0:
            lines += [fresh[number // 2].lower(), theirs[number // 96], "", "bad"]
            lines.append(f"EXPIRED-{number},2020-01-31")
    path = text_file(tmp_path, lines, name="keys.csv")
    started = time.perf_counter()
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path)
    seconds = time.perf_counter() - started
    print(f"{len(lines):,} lines in {seconds:.1f} s")
    assert (report.line_count, report.accepted) == (101_001, 96_000)
    assert report.rejections == dict.fromkeys(
        (
            Outcome.DUPLICATE_HERE,
            Outcome.DUPLICATE_ELSEWHERE,
            Outcome.MALFORMED,
            Outcome.EXPIRED,
        ),
        1_000,
    )
    counted = await owner.fetchrow(
        """select count(*) as keys, count(distinct serial) as serials,
                  count(distinct position) as positions, count(expires_at) as expiring
           from keys join sealed_keys using (id) where batch_id = $1""",
        report.batch_id,
    )
    assert dict(counted) == {
        "keys": 96_000,
        "serials": 96_000,
        "positions": 96_000,
        "expiring": 32_000,
    }
    assert len([line async for line in batch_report(report.batch_id)]) == 100_000
