"""Statements on their way in: a signed address, what was sent to it, and how its import went.

The address is the permission: an operator asked for it, it names its file, and it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from billing.bank.statement import MOST_BYTES, StatementProblem
from kernel import crypto, db
from kernel.errors import Forbidden, Invalid, NotFound, RateLimited
from kernel.ids import new_id

ADDRESS_LASTS: Final = timedelta(minutes=10)
MOST_WAITING: Final = 5
"""Statements that nobody has imported yet."""
_PURPOSE: Final = "bank-statement"


@dataclass(frozen=True, slots=True)
class StatementTicket:
    """A signed address: `token` is its secret part, `file_id` names the file in it."""

    token: str
    file_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One upload: WAITING for a worker, then DONE, or REFUSED with nothing written."""

    id: UUID
    state: str
    lines: int
    new_lines: int
    problems: tuple[StatementProblem, ...]


async def issue_ticket(actor: str) -> StatementTicket:
    """Sign an address to which one statement may be sent, for ten minutes."""
    [row] = await db.read(db.core_scope(), "select platform_now() as now")
    expires_at = (row["now"] + ADDRESS_LASTS).replace(microsecond=0)
    file_id = new_id()
    payload = {"i": str(file_id), "a": actor, "e": int(expires_at.timestamp())}
    return StatementTicket(crypto.sign(_PURPOSE, orjson.dumps(payload)), file_id, expires_at)


async def keep_statement(token: str, content: bytes) -> None:
    """Keep what was first sent to a signed address; the worker imports it.

    Raises `Forbidden` for an address that has ended, `Invalid` for the file's size, `RateLimited`
    when too many wait.
    """
    raw = crypto.unsign(_PURPOSE, token)
    ticket: dict[str, Any] = orjson.loads(raw) if raw is not None else {"e": 0}
    [row] = await db.read(db.core_scope(), "select platform_now() as now")
    if row["now"].timestamp() > ticket["e"]:
        raise Forbidden("This address has ended: ask for a new one.")
    if not 1 <= len(content) <= MOST_BYTES:
        raise Invalid(f"A statement has 1 to {MOST_BYTES} bytes.", field="file")
    async with db.transaction(db.core_scope()):
        # In a line, so that two uploads at once do not both count the other out.
        await db.execute("select pg_advisory_xact_lock(hashtext('bank_files'))")
        kept = await db.fetch_value(
            """with made as (
                   insert into bank_files (id, state, content, uploaded_by)
                   select $1, 'WAITING', $2, $3
                   where (select count(*) from bank_files where state = 'WAITING') < $4
                   on conflict (id) do nothing returning id
               )
               select exists (select from made) or exists (select from bank_files where id = $1)""",
            UUID(ticket["i"]),
            content,
            ticket["a"],
            MOST_WAITING,
        )
        if not kept:
            raise RateLimited("Too many statements wait for their import.", field="file")


async def statement_file(file_id: UUID) -> StatementFile:
    """How an import goes; `NotFound` while nothing was sent to its address."""
    rows = await db.read(
        db.core_scope(),
        """select id, state, lines, new_lines, problems::text as problems
           from bank_files where id = $1""",
        file_id,
    )
    if not rows:
        raise NotFound("There is no such bank statement.", field="statementId")
    problems = tuple(StatementProblem(*one) for one in orjson.loads(rows[0]["problems"]))
    return StatementFile(**{**rows[0], "problems": problems})


def written(problems: Sequence[StatementProblem]) -> str:
    """The problems as they are stored."""
    return orjson.dumps([[one.line, one.column, one.code] for one in problems]).decode()
