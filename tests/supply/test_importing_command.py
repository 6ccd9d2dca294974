"""`kameng keys import` and `kameng keys undo`, as a person at a terminal meets them."""

import asyncio
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import asyncpg

from entrypoints.keys_command import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_SOME_LINES_REFUSED,
)
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from supplier_stalls import open_stall, rows_written, secrets_of, text_file

_IMPORT = """
import sys
from pathlib import Path
from entrypoints.keys_command import import_file
listing, file, *report = sys.argv[1:]
sys.exit(import_file(
    Path(file), listing=listing, source="a test", report=Path(report[0]) if report else None))
"""
_UNDO = """
import sys
from entrypoints.keys_command import undo
sys.exit(undo(sys.argv[1]))
"""


def start(script: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "platform", "COLUMNS": "200", **environment},
    )


async def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and everything that was told on the way."""
    told, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, told


async def run(script: str, *arguments: object, **environment: str) -> tuple[int, str]:
    return await end_of(start(script, *arguments, **environment))


async def batch_id_of(owner: asyncpg.Connection) -> UUID:
    batch_id: UUID = await owner.fetchval("select id from key_batches")
    return batch_id


async def test_an_import_says_what_it_came_to_and_writes_its_report(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, ["=cmd()\tABCD-1234", "bad", "SN3\tEFGH-5678"])
    report = tmp_path / "report.csv"
    code, told = await run(_IMPORT, stall.listing_id, path, report)
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
    assert (await run(_IMPORT, listing, path))[0] == EXIT_DONE
    code, told = await run(_IMPORT, listing, path)
    assert code == EXIT_DONE
    assert "imported before; nothing was written" in told
    batch = public_id("bat", await batch_id_of(owner))
    code, told = await run(_UNDO, batch)
    assert (code, "20 keys left the pool" in told) == (EXIT_DONE, True)
    code, told = await run(_IMPORT, listing, path)
    assert (code, "20 keys accepted" in told) == (EXIT_DONE, True)


async def test_what_is_refused_says_why_and_writes_nothing(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(3))
    refusals = [
        (_IMPORT, (new_id(), path), "There is no such supplier listing."),
        (_IMPORT, ("not an id", path), "There is no such"),
        (_IMPORT, (stall.listing_id, tmp_path / "[red]none.txt"), "The file cannot be read"),
        (_UNDO, (new_id(),), "There is no such key batch."),
    ]
    for script, arguments, reason in refusals:
        code, told = await run(script, *arguments)
        assert code == EXIT_REFUSED
        assert reason in told
        assert "Traceback" not in told
    assert await rows_written(owner) == 0


async def test_a_database_that_is_not_there_is_no_traceback(
    config: Settings, tmp_path: Path
) -> None:
    path = text_file(tmp_path, secrets_of(3))
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    for script, arguments in ((_IMPORT, (new_id(), path)), (_UNDO, (new_id(),))):
        code, told = await run(script, *arguments, DATABASE_URL=nowhere)
        assert code == EXIT_REFUSED
        assert "Traceback" not in told


async def test_control_c_says_how_to_go_on_and_the_same_command_does(
    database: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    stall = await open_stall(owner)
    path = text_file(tmp_path, secrets_of(30_000))
    process = start(_IMPORT, stall.listing_id, path)
    for _ in range(3_000):
        if await owner.fetchval("select max(line_count) from key_batches"):
            break
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, told = await end_of(process)
    stored = await owner.fetchval("select line_count from key_batches")
    batch = public_id("bat", await batch_id_of(owner))
    assert code == EXIT_INTERRUPTED
    assert 0 < stored < 30_000
    assert "Run the same command to go on" in told
    assert f"kameng keys undo {batch}" in told
    assert "Traceback" not in told
    code, told = await run(_IMPORT, stall.listing_id, path)
    assert (code, "30,000 keys accepted, 0 lines refused" in told) == (EXIT_DONE, True)
    assert await owner.fetchval("select count(*) from keys") == 30_000
