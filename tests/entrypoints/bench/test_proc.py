"""Processor time and memory, read from outside."""

import subprocess
import sys
from pathlib import Path

import asyncpg

from entrypoints.bench.proc import Spent, database_spent, group_memory, group_spent, server_seconds
from patience import until

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"
MIB = 1024 * 1024


def test_time_and_memory_of_a_process_group_are_those_of_its_members() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        spent, memory = group_spent(child.pid), group_memory(child.pid)
        child.communicate(b"\n")

    assert list(spent.by_process) == [child.pid]
    assert 0.25 <= spent.by_process[child.pid] < 20
    assert MIB < memory.pss_bytes <= memory.rss_bytes < 100 * MIB
    assert group_memory(child.pid).rss_bytes == 0


def test_what_was_spent_since_counts_new_processes_from_their_start() -> None:
    before, after = Spent({1: 5.0, 2: 1.0}), Spent({1: 5.5, 3: 0.25})

    assert after.since(before) == 0.75


def on_this_machine(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_the_databases_time_is_read_and_its_own_session_is_left_out(
    owner: asyncpg.Connection,
) -> None:
    backend = await owner.fetchval("select pg_backend_pid()")
    spent, server = await database_spent(owner), await server_seconds(owner)

    if not on_this_machine(backend):
        assert server is None
        return
    assert spent is not None and backend not in spent.by_process
    assert server is not None

    async def busy() -> float | None:
        await owner.execute("select count(*) from generate_series(1, 1000000)")
        return await server_seconds(owner)

    await until(busy, lambda later: later is not None and later - server >= 0.02)
