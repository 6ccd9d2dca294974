"""The worker makes a statement's file: all of it in one picture of the ledger, in bounded memory.

What is read goes into a file on disk, and from there into the database, piece by piece. Each piece
and each note names the attempt that it belongs to: who was taken for dead and wakes up finds
another attempt, and writes nothing. A period that is over does not change, so that whoever begins
anew makes the same statement.
"""

import asyncio
import contextvars
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any, Final

from bookkeeping.statements.lines import all_lines
from bookkeeping.statements.parties import Party, party_of
from bookkeeping.statements.periods import Period
from bookkeeping.statements.summing import summaries
from bookkeeping.statements.writers import StatementFormat, StatementHead, writer_of
from kernel import db
from kernel.errors import Refusal
from kernel.faults import crash_point
from kernel.log import get_logger
from orders.split import PartyKind

log = get_logger(__name__)

PIECE_BYTES: Final = 256 * 1024
HELD_FOR: Final = timedelta(minutes=2)
"""Without a note; then the worker is taken for dead."""
MOST_ATTEMPTS: Final = 5
_WORKER: Final = "make the statement that has waited longest, whosesoever it is"

_CLAIM: Final = """
update statement_files
set attempt = attempt + 1, rows_done = 0, state = 'MAKING',
    claimed_until = platform_now() + $1::interval
where id = (select id from statement_files
            where ended_at is null and (claimed_until is null or claimed_until < platform_now())
            order by attempt, id limit 1 for update skip locked)
returning *, party_kind::text as kind
"""
_NOTE: Final = """
update statement_files set rows_done = $4, claimed_until = platform_now() + $5::interval
where tenant_id = $1 and id = $2 and attempt = $3 and ended_at is null
"""
_PIECE: Final = """
insert into statement_chunks (tenant_id, file_id, attempt, number, content)
values ($1, $2, $3, $4, $5)
"""
_END: Final = """
with ended as (
    update statement_files
    set state = $4, size_bytes = $5, sha256 = $6, problem = $7, ended_at = platform_now(),
        claimed_until = null
    where tenant_id = $1 and id = $2 and attempt = $3 and ended_at is null
    returning id
), cleared as (
    delete from statement_chunks chunk using ended
    where chunk.tenant_id = $1 and chunk.file_id = ended.id and chunk.attempt < $3
)
select id from ended
"""


class AttemptLost(Exception):
    """Somebody else makes the file: nothing of this attempt counts any more."""


class NotAddingUp(Exception):
    """The lines of a statement are not what lies between its opening and its closing."""


@dataclass(slots=True)
class Attempt:
    """One worker's hold on one file."""

    row: Mapping[str, Any]
    party: Party
    rows_done: int = 0

    @property
    def key(self) -> tuple[Any, ...]:
        """Which file, and which attempt at it."""
        return self.row["tenant_id"], self.row["id"], self.row["attempt"]

    @property
    def format(self) -> StatementFormat:
        """What the file is written as."""
        return StatementFormat(self.row["format"])

    @property
    def period(self) -> Period:
        """What the statement is about, its times as they were asked for."""
        zone = timezone(timedelta(minutes=self.row["utc_offset_minutes"]))
        since, until = (self.row[name].astimezone(zone) for name in ("since", "until"))
        return Period(self.party, self.row["currency"], since, until)

    async def note(self, rows_done: int) -> None:
        """Say how far the file has got, and hold on; raises `AttemptLost`."""
        self.rows_done = rows_done
        async with db.transaction(db.core_scope(self.party.tenant_id)):
            await self._hold_on()

    async def keep(self, number: int, content: bytes) -> None:
        """Keep one piece of the content; raises `AttemptLost`."""
        async with db.transaction(db.core_scope(self.party.tenant_id)):
            await self._hold_on()
            await db.execute(_PIECE, *self.key, number, content)
        crash_point("statement.kept")

    async def _hold_on(self) -> None:
        if not await db.execute(_NOTE, *self.key, self.rows_done, HELD_FOR):
            raise AttemptLost

    async def end(
        self,
        state: str,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        problem: str | None = None,
    ) -> None:
        """It is over; raises `AttemptLost`."""
        async with db.transaction(db.core_scope(self.party.tenant_id)):
            if not await db.fetch(_END, *self.key, state, size_bytes, sha256, problem):
                raise AttemptLost
            crash_point("statement.ended")
        crash_point("statement.committed")


async def make_statements() -> int:
    """Make one file; returns how many there were to make."""
    async with db.transaction(db.every_tenant(reason=_WORKER)):
        row = await db.fetch_row(_CLAIM, HELD_FOR)
    if row is None:
        return 0
    crash_point("statement.claimed")
    party = await party_of(PartyKind(row["kind"]), row["party_id"])
    attempt = Attempt(row, party)
    try:
        await _make(attempt)
    except AttemptLost:
        log.warning("statement_lost", id=str(row["id"]))
    return 1


async def _make(attempt: Attempt) -> None:
    if attempt.row["attempt"] > MOST_ATTEMPTS:
        await attempt.end("FAILED", problem="STATEMENT_FAILED")
        return
    with tempfile.TemporaryDirectory(prefix="kameng-statement-") as folder:
        path = Path(folder) / "statement"
        try:
            await _write(attempt, path)
        except Refusal as refusal:
            await attempt.end("FAILED", problem=refusal.code)
            return
        await _keep(attempt, path)


async def _write(attempt: Attempt, path: Path) -> None:
    """Write the file on disk; raises `NotAddingUp` rather than leave one that is wrong."""
    outside = contextvars.copy_context()
    period = attempt.period
    # The fence is lifted: a party's orders are many shops'.
    async with db.transaction(db.every_tenant(reason=_WORKER), read_only=True, one_picture=True):
        accounts = await summaries(period)
        head = StatementHead(period, tuple(accounts), english=attempt.row["english"])
        writer = writer_of(attempt.format, path, head)
        try:
            async for lines in all_lines(period):
                writer.add(lines)
                # On a connection of its own: this transaction only reads.
                note = attempt.note(attempt.rows_done + len(lines))
                await asyncio.create_task(note, context=outside)
            if writer.balances != {one.name: one.closing_minor for one in accounts}:
                raise NotAddingUp(str(attempt.row["id"]))
        except BaseException:
            writer.give_up()
            raise
    await attempt.note(attempt.rows_done)
    # A workbook is packed, and a PDF's font is made small: seconds without a pause.
    await asyncio.to_thread(writer.close)
    crash_point("statement.read")


async def _keep(attempt: Attempt, path: Path) -> None:
    digest, size_bytes = hashlib.sha256(), 0
    for number, content in enumerate(_pieces(path)):
        digest.update(content)
        size_bytes += len(content)
        await attempt.keep(number, content)
    await attempt.end("DONE", size_bytes=size_bytes, sha256=digest.digest())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while content := file.read(PIECE_BYTES):
            yield content
