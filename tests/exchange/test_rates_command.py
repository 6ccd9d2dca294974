"""`kameng rates`, as a person at a terminal meets it."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from kernel.settings import Settings
from patience import PATIENCE_SECONDS
from processes import Process

pytestmark = pytest.mark.engines


async def run(directory: Path, lines: str, *words: str) -> tuple[int, str]:
    file = directory / "rates.csv"
    file.write_text(lines)
    process = Process(
        name="rates",
        command=[sys.executable, "-m", "entrypoints.cli", "rates", str(file), *words],
        environment={**os.environ, "PYTHONPATH": "platform", "COLUMNS": "200"},
        log=directory / "log",
    )
    process.start()
    assert process.child is not None
    code = await asyncio.to_thread(process.child.wait, PATIENCE_SECONDS)
    return code, process.log.read_text(encoding="utf-8")


async def test_a_file_is_set_and_what_jumps_is_refused_unless_confirmed(
    config: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lines = "base,quote,rate\nUSD,CNY,7.1\nKWD,CNY,23.3005\n"
    assert (await run(tmp_path, lines, "--source", "a bank"))[0] == 0

    code, said = await run(tmp_path, lines.replace("7.1", "7.9"), "--source", "a bank")
    assert code == 1
    assert "changeBp=1127" in said
    assert await owner.fetchval("select count(*) from fx_rates") == 2

    confirmed = ("--source", "a bank", "--confirm-bp", "1127")
    code, said = await run(tmp_path, lines.replace("7.1", "7.9"), *confirmed)
    assert (code, "USD/CNY 7.9 until" in said) == (0, True)
    assert await owner.fetchval("select count(*) from fx_rates") == 4
