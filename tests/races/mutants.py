"""Statements changed on purpose, to see that a race's check notices the tempting mistake."""

import asyncio
from copy import copy

from kernel.statements import Statement

MOMENT_SECONDS = 0.05


def without(clause: str, statement: Statement) -> Statement:
    """The same statement without one of its clauses."""
    return changed(statement, clause, "")


def changed(statement: Statement, clause: str, other: str) -> Statement:
    """The same statement with another clause in place of one."""
    mutant = copy(statement)
    mutant.sql = statement.sql.replace(clause, other)
    assert mutant.sql != statement.sql
    return mutant


def that_takes_its_time(statement: Statement) -> Statement:
    """The same, and a moment before its transaction goes on: callers overlap for certain, however
    idle or busy the machine is. The statement must end with its `from`."""
    slow = copy(statement)
    slow.sql = f"{statement.sql}, lateral (select pg_sleep({MOMENT_SECONDS})) as a_moment"
    return slow


async def a_moment() -> None:
    """The same between two statements."""
    await asyncio.sleep(MOMENT_SECONDS)
