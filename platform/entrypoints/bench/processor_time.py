"""Processor time of process groups and of a database's own sessions, from /proc.

The granularity is the kernel's clock tick, 10 ms, which is why it is read for whole windows.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_GROUP, _USER, _SYSTEM = 2, 11, 12
"""Places in /proc/<pid>/stat after the program's name."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the processor that each process has used so far."""

    by_process: dict[int, float]

    def since(self, earlier: "Spent") -> float:
        """This function will sum up what was used since; a new process counts from its start."""
        return sum(
            seconds - earlier.by_process.get(process, 0.0)
            for process, seconds in self.by_process.items()
        )


def group_spent(group: int) -> Spent:
    """This function will read every process of a process group."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat is not None and int(stat[_GROUP]) == group:
                found[int(entry.name)] = _seconds(stat)
    return Spent(found)


async def database_spent(connection: asyncpg.Connection) -> Spent | None:
    """This function will read the other sessions of a connection's database; None when they are
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
