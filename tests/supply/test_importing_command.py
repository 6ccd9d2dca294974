"""`kameng keys import` and `kameng keys undo`, as a person at a terminal meets them."""

import asyncio
import csv
import os
import signal
import sys
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from entrypoints.keys_command import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_SOME_LINES_REFUSED,
)
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from patience import PATIENCE_SECONDS, until
from processes import Process
from supplier_stalls import open_stall, rows_written, secrets_of, text_file


def start(
    directory: Path, *words: object, from_scratch: bool = False, database_url: str = ""
) -> Process:
    """Start `kameng keys …`."""
    elsewhere = {"DATABASE_URL": database_url} if database_url else {}
    process = Process(
        name="keys",
        command=[sys.executable, "-m", "entrypoints.cli", "keys", *map(str, words)],
        environment={**os.environ, "PYTHONPATH": "platform", "COLUMNS": "200", **elsewhere},
        log=directory / f"{uuid4()}.log",
        from_scratch=from_scratch,
    )
    process.start()
    return process


async def end_of(process: Process) -> tuple[int, str]:
    """The exit code, and everything that was told on the way."""
    assert process.child is not None
    code = await asyncio.to_thread(process.child.wait, PATIENCE_SECONDS)
    return code, process.log.read_text(encoding="utf-8")


async def run(directory: Path, *words: object, database_url: str = "") -> tuple[int, str]:
    return await end_of(start(directory, *words, database_url=database_url))


# From the sixth chunk on an import takes seconds for each: nobody is too late to stop it.
LINGER = """
create function linger() returns trigger language plpgsql
    as $$ begin perform pg_sleep(3); return new; end $$;
create trigger lingers before update on key_batches
    for each row when (new.line_count > 10000) execute function linger();
"""


async def batch_id_of(owner: asyncpg.Connection) -> UUID:
    batch_id: UUID = await owner.fetchval("select id from key_batches")
    return batch_id


async def test_an_import_says_what_it_came_to_and_writes_its_report(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, ["=cmd()\tABCD-1234", "bad", "SN3\tEFGH-5678"])
    report = tmp_path / "report.csv"
    words = ("import", path, "--listing", stall.listing_id, "--source", "a test")
    code, told = await end_of(start(tmp_path, *words, "--report", report, from_scratch=True))
    batch = public_id("bat", await batch_id_of(owner))
    assert code == EXIT_SOME_LINES_REFUSED
    assert f"2 keys accepted, 1 lines refused, batch {batch}." in told
    assert "MALFORMED: 1" in told
    assert "ABCD" not in told
    with report.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[:3] for row in rows] == [
        ["line", "outcome", "serial"],
        ["1", "ACCEPTED", "'=cmd()"],  # not a formula
        ["2", "MALFORMED", ""],
        ["3", "ACCEPTED", "SN3"],
    ]
    assert await owner.fetchval("select source_declaration from key_batches") == "a test"


async def test_a_clean_import_can_be_undone_and_repeated_by_command(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(20))
    listing = public_id("lst", stall.listing_id)
    assert (await run(tmp_path, "import", path, "--listing", listing))[0] == EXIT_DONE
    code, told = await run(tmp_path, "import", path, "--listing", listing)
    assert code == EXIT_DONE
    assert "imported before; nothing was written" in told
    batch = public_id("bat", await batch_id_of(owner))
    code, told = await run(tmp_path, "undo", batch)
    assert (code, "20 keys left the pool" in told) == (EXIT_DONE, True)
    code, told = await run(tmp_path, "import", path, "--listing", listing)
    assert (code, "20 keys accepted" in told) == (EXIT_DONE, True)


async def test_what_is_refused_says_why_and_writes_nothing(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(3))
    refusals = [
        (("import", path, "--listing", new_id()), "There is no such supplier listing."),
        (("import", path, "--listing", "not an id"), "There is no such"),
        (
            ("import", tmp_path / "[red]none.txt", "--listing", stall.listing_id),
            "The file cannot be read",
        ),
        (("undo", new_id()), "There is no such key batch."),
    ]
    for words, reason in refusals:
        code, told = await run(tmp_path, *words)
        assert code == EXIT_REFUSED
        assert reason in told
        assert "Traceback" not in told
    assert await rows_written(owner) == 0


async def test_a_database_that_is_not_there_is_no_traceback(
    config: Settings, tmp_path: Path
) -> None:
    path = text_file(tmp_path, secrets_of(3))
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    for words in (("import", path, "--listing", new_id()), ("undo", new_id())):
        code, told = await run(tmp_path, *words, database_url=nowhere)
        assert code == EXIT_REFUSED
        assert "Traceback" not in told


async def test_control_c_says_how_to_go_on_and_the_same_command_does(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(30_000))
    await owner.execute(LINGER)
    words = ("import", path, "--listing", stall.listing_id)
    process = start(tmp_path, *words)
    assert process.child is not None
    await until(lambda: owner.fetchval("select max(line_count) from key_batches"))
    process.child.send_signal(signal.SIGINT)
    code, told = await end_of(process)
    await owner.execute("drop trigger lingers on key_batches")
    stored = await owner.fetchval("select line_count from key_batches")
    batch = public_id("bat", await batch_id_of(owner))
    assert code == EXIT_INTERRUPTED
    assert 0 < stored < 30_000
    assert "Run the same command to go on" in told
    assert f"kameng keys undo {batch}" in told
    assert "Traceback" not in told
    code, told = await run(tmp_path, *words)
    assert (code, "30,000 keys accepted, 0 lines refused" in told) == (EXIT_DONE, True)
    assert await owner.fetchval("select count(*) from keys") == 30_000
