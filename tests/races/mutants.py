"""Statements changed on purpose, to see that a race's check notices the tempting mistake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy

import asyncpg

from kernel.settings import settings
from kernel.statements import Statement
from patience import PATIENCE_SECONDS, until_somebody_waits

_GATE = 4711
"""The number of the advisory lock at which callers meet."""


def without(clause: str, statement: Statement) -> Statement:
    """The same statement without one of its clauses."""
    return changed(statement, clause, "")


def changed(statement: Statement, clause: str, other: str) -> Statement:
    """The same statement with another clause in place of one."""
    mutant = copy(statement)
    mutant.sql = statement.sql.replace(clause, other)
    assert mutant.sql != statement.sql
    return mutant


def that_waits_at_the_gate(statement: Statement) -> Statement:
    """The same, but its transaction goes on only once the gate is open: callers overlap for
    certain, however idle or busy the machine is. The statement must end with its `from`."""
    slow = copy(statement)
    slow.sql = f"{statement.sql}, lateral (select pg_advisory_xact_lock_shared({_GATE})) as gate"
    return slow


@asynccontextmanager
async def gate_that_opens_for_two() -> AsyncIterator[None]:
    """Callers inside the block wait at the gate until there are two of them."""
    keeper = await asyncpg.connect(settings().database_url)
    await keeper.execute(f"select pg_advisory_lock({_GATE})")

    async def open_for_two() -> None:
        await until_somebody_waits(keeper, at_least=2)
        await keeper.execute(f"select pg_advisory_unlock({_GATE})")

    async with asyncio.TaskGroup() as group:
        group.create_task(open_for_two())
        yield
    await keeper.close()


class Meeting:
    """The same between two statements."""

    def __init__(self) -> None:
        self._came = 0
        self._two_came = asyncio.Event()

    async def join(self) -> None:
        """Wait until two have come."""
        self._came += 1
        if self._came == 2:
            self._two_came.set()
        await asyncio.wait_for(self._two_came.wait(), PATIENCE_SECONDS)
