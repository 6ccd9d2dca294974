"""Imports that are killed, that meet each other, and whose file changes underneath."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from kernel.settings import Settings
from patience import until
from supplier_stalls import open_stall, secrets_of, text_file
from supply.importing import (
    BatchReport,
    FileChanged,
    ImportLimits,
    ImportProgress,
    ImportRunning,
    Outcome,
    import_keys,
    undo_batch,
)

CHUNK_LINES = 200
CHUNKS = ImportLimits(chunk_lines=CHUNK_LINES)

_CHILD = """
import asyncio, sys, time
from pathlib import Path
from uuid import UUID
from kernel import db
from kernel.settings import settings
from supply.importing import ImportLimits, import_keys

async def main(listing, path, chunk_lines, most_lines):
    def tell(state):
        print(state.stored_lines, flush=True)
        if state.stored_lines >= int(most_lines):
            time.sleep(3600)

    await db.connect(settings())
    await import_keys(
        supplier_listing_id=UUID(listing), path=Path(path),
        limits=ImportLimits(chunk_lines=int(chunk_lines)), progress=tell)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def importing_process(
    listing_id: UUID, path: Path, *, most_lines: int
) -> Iterator[subprocess.Popen[str]]:
    """Another process that imports a file and prints how many lines it has stored; after so many
    it waits to be killed."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _CHILD,
            str(listing_id),
            str(path),
            str(CHUNK_LINES),
            str(most_lines),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "platform"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until_stored(process: subprocess.Popen[str], lines: int) -> None:
    assert process.stdout is not None
    for told in process.stdout:
        if int(told) >= lines:
            return
    raise AssertionError("the import ended before it could be killed")


async def settled_batch(owner: asyncpg.Connection) -> asyncpg.Record:
    """The only batch, once the killed process's last transaction has ended either way."""
    idle = """select count(*) = 0 from pg_stat_activity where datname = current_database()
              and application_name = 'kameng-core' and state <> 'idle'"""
    await until(lambda: owner.fetchval(idle))
    row = await owner.fetchrow("select * from key_batches")
    assert row is not None
    return row


async def require_counters_to_be_true(owner: asyncpg.Connection) -> None:
    wrong = await owner.fetch(
        """select id from key_batches batch
           where accepted <> (select count(*) from sealed_keys where batch_id = batch.id)
              or rejected <> (select count(*) from key_batch_rejections where batch_id = batch.id)
              or line_count < greatest(
                     (select max(line_number) from sealed_keys where batch_id = batch.id),
                     (select max(line_number) from key_batch_rejections where batch_id = batch.id))
        """
    )
    assert wrong == []


async def test_an_import_killed_again_and_again_goes_on_exactly_where_it_was(
    config: Settings, database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    secrets = secrets_of(10_000)
    lines = [line for secret in secrets for line in (secret, *(["bad"] * (secret[0] == "7")))]
    path = text_file(tmp_path, lines)
    bad_lines = lines.count("bad")
    assert bad_lines
    stored = 0
    for kill in range(4):
        with importing_process(stall.listing_id, path, most_lines=stored + 2_000) as process:
            wait_until_stored(process, stored + CHUNK_LINES)
            await asyncio.sleep(random.Random(kill).uniform(0, 0.05))
        batch = await settled_batch(owner)
        assert (batch["status"], batch["line_count"] % CHUNK_LINES) == ("IMPORTING", 0)
        assert stored < batch["line_count"] < len(lines)
        await require_counters_to_be_true(owner)
        stored = batch["line_count"]
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
    assert report.resumed_after_line == stored
    assert (report.line_count, report.accepted) == (len(lines), 10_000)
    assert report.rejections == {Outcome.MALFORMED: bad_lines}
    await require_counters_to_be_true(owner)
    assert await owner.fetchval("select count(distinct fingerprint) from sealed_keys") == 10_000
    assert await owner.fetchval("select count(*) from key_batches") == 1


async def test_a_kill_after_the_last_chunk_leaves_only_the_finish_to_be_done(
    database: Settings,
    owner: asyncpg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(500))

    class Died(BaseException):
        """What no code of ours catches."""

    async def die(batch: object) -> None:
        raise Died

    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr("supply.importing.batches.finish", die)
        await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
    assert await owner.fetchval("select status from key_batches") == "IMPORTING"
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
    assert (report.status, report.accepted, report.resumed_after_line) == ("ACCEPTED", 500, 500)


async def test_a_cancelled_import_keeps_whole_chunks_and_can_be_resumed(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(4_000))
    running = asyncio.Event()

    def progress(state: ImportProgress) -> None:
        if state.stored_lines:
            running.set()

    work = asyncio.create_task(
        import_keys(
            supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS, progress=progress
        )
    )
    await running.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await require_counters_to_be_true(owner)
    assert await owner.fetchval("select status from key_batches") == "IMPORTING"
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
    assert (report.status, report.accepted) == ("ACCEPTED", 4_000)
    assert report.resumed_after_line > 0


async def test_suppliers_with_overlapping_files_share_every_key_out_once(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    secrets = secrets_of(6_000)
    files = [secrets[:4_000], secrets[:1_000:-1], random.Random(3).sample(secrets, 6_000)]
    stalls = [await open_stall(owner) for _ in files]
    reports = await asyncio.gather(
        *(
            import_keys(
                supplier_listing_id=stall.listing_id,
                path=text_file(tmp_path, lines, name=f"{number}.txt"),
                limits=CHUNKS,
            )
            for number, (stall, lines) in enumerate(zip(stalls, files, strict=True))
        )
    )
    assert sum(report.accepted for report in reports) == 6_000
    assert [report.accepted + report.rejected for report in reports] == [4_000, 4_999, 6_000]
    assert {reason for report in reports for reason in report.rejections} == {
        Outcome.DUPLICATE_ELSEWHERE
    }
    assert all(report.accepted for report in reports)
    await require_counters_to_be_true(owner)


async def test_the_same_file_sent_twice_at_once_to_a_listing_is_imported_once(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(3_000))
    outcomes = await asyncio.gather(
        *(
            import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
            for _ in range(3)
        ),
        return_exceptions=True,
    )
    finished = [outcome for outcome in outcomes if isinstance(outcome, BatchReport)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ImportRunning)]
    assert len(finished) + len(refused) == 3
    assert {report.accepted for report in finished} == {3_000}
    assert await owner.fetchval("select count(*) from keys") == 3_000
    await require_counters_to_be_true(owner)


async def test_an_import_stops_when_its_batch_is_undone_meanwhile(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(3_000))
    undoing: list[asyncio.Task[object]] = []

    def undo_now(state: ImportProgress) -> None:
        if state.stored_lines and not undoing:
            undoing.append(asyncio.create_task(undo_batch(state.batch_id)))

    with pytest.raises(ImportRunning):
        await import_keys(
            supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS, progress=undo_now
        )
    await undoing[0]
    assert await owner.fetchval("select count(*) from keys where status <> 'WITHDRAWN'") == 0
    report = await import_keys(supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS)
    assert (report.status, report.accepted) == ("ACCEPTED", 3_000)


async def test_a_file_that_changes_underneath_stops_its_import(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(3_000))

    def write_to_it(state: ImportProgress) -> None:
        with path.open("a") as file:
            file.write("ADDED-LATER\n")

    with pytest.raises(FileChanged):
        await import_keys(
            supplier_listing_id=stall.listing_id, path=path, limits=CHUNKS, progress=write_to_it
        )
    await require_counters_to_be_true(owner)
    assert await owner.fetchval("select line_count from key_batches") < 3_000
