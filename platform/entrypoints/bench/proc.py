"""Processor time and memory of process groups and of a database's own sessions, from /proc.

The granularity of time is the kernel's clock tick, 10 ms, which is why it is read for whole
windows.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PARENT, _GROUP, _USER, _SYSTEM, _USER_OF_ENDED, _SYSTEM_OF_ENDED = 1, 2, 11, 12, 13, 14
"""Places in /proc/<pid>/stat after the program's name."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the processor that each process has used so far."""

    by_process: dict[int, float]

    def since(self, earlier: "Spent") -> float:
        """Sum up what was used since; a new process counts from its start."""
        return sum(
            seconds - earlier.by_process.get(process, 0.0)
            for process, seconds in self.by_process.items()
        )


def group_spent(group: int) -> Spent:
    """Read every process of a process group."""
    return Spent({process: _seconds(stat) for process, stat in _members(group)})


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process group keeps in memory, in bytes: RSS counts shared pages for each process,
    PSS divides them between those who share them."""

    rss_bytes: int
    pss_bytes: int


def group_memory(group: int) -> Memory:
    """Add up the memory of every process of a process group."""
    rss = pss = 0
    for process, _ in _members(group):
        sizes = _rollup(process)
        rss += sizes.get("Rss", 0)
        pss += sizes.get("Pss", 0)
    return Memory(rss_bytes=rss * 1024, pss_bytes=pss * 1024)


def _members(group: int) -> Iterator[tuple[int, list[str]]]:
    return ((process, stat) for process, stat in _processes() if int(stat[_GROUP]) == group)


def _processes() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        stat = _stat(int(entry.name)) if entry.name.isdigit() else None
        if stat is not None:
            yield int(entry.name), stat


def _rollup(process: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # gone meanwhile
        return {}
    fields = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) for words in fields}


async def database_spent(connection: asyncpg.Connection) -> Spent | None:
    """Read the other sessions of a connection's database; None when they are
    not on this machine.

    What the server does for all databases together (writing the log, checkpoints) is not in it.
    """
    rows = await connection.fetch(
        """select pid from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()"""
    )
    found = {}
    for row in rows:
        stat = _stat(row["pid"])
        if stat is None or _name(row["pid"]) not in ("postgres", "postmaster"):
            return None
        found[row["pid"]] = _seconds(stat)
    return Spent(found)


async def server_seconds(connection: asyncpg.Connection) -> float | None:
    """Read what a whole server has used, ended sessions and all databases
    included; None when it is not on this machine."""
    session = _stat(await connection.fetchval("select pg_backend_pid()"))
    if session is None:
        return None
    server = int(session[_PARENT])
    stat = _stat(server)
    if stat is None or _name(server) not in ("postgres", "postmaster"):
        return None
    ended = (int(stat[_USER_OF_ENDED]) + int(stat[_SYSTEM_OF_ENDED])) / TICKS_PER_SECOND
    return ended + sum(_seconds(one) for _, one in _processes() if int(one[_PARENT]) == server)


def _stat(process: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # gone meanwhile
        return None
    return text.rpartition(")")[2].split()


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def _seconds(stat: list[str]) -> float:
    return (int(stat[_USER]) + int(stat[_SYSTEM])) / TICKS_PER_SECOND
