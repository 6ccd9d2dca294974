"""What a figure was measured on; without it, it says nothing."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import asyncpg


@dataclass(frozen=True, slots=True)
class Conditions:
    """The machine, the programs, and what the database guarantees while it is measured."""

    processors: int
    memory_gib: float
    python: str
    postgres: str
    fsync: str
    synchronous_commit: str
    shared_buffers: str


async def read_conditions(database_url: str) -> Conditions:
    """Look around on this machine and ask the server."""
    server = await asyncpg.connect(database_url)
    try:
        shown = {
            name: str(await server.fetchval(f"show {name}"))
            for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        }
    finally:
        await server.close()
    return Conditions(
        processors=len(os.sched_getaffinity(0)),
        memory_gib=round(_memory_kib() / 1024**2, 1),
        python=platform.python_version(),
        postgres=shown["server_version"],
        fsync=shown["fsync"],
        synchronous_commit=shown["synchronous_commit"],
        shared_buffers=shown["shared_buffers"],
    )


def _memory_kib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemTotal":
            return int(rest.split()[0])
    return 0
