"""Statements as files: asked for here, made by the worker (`making.py`), fetched by an address.

A year has more entries than a request has time for. A file is a row that says how far it has got;
its content is kept in the database, in pieces, for a week. Its address names the file and the shop
at whose host it is fetched, is good for ten minutes, and is the permission.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson

from bookkeeping.statements.parties import Party
from bookkeeping.statements.periods import Period
from bookkeeping.statements.writers import StatementFormat, require_font
from kernel import crypto, cursors, db
from kernel.errors import Forbidden, NotFound, RateLimited
from kernel.ids import new_id
from orders import idempotency
from tenants.directory import Shop

ADDRESS_LASTS: Final = timedelta(minutes=10)
MOST_WAITING: Final = 5
FORGOTTEN_AT_ONCE: Final = 50
_PURPOSE: Final = "statement-file"

_COLUMNS: Final = (
    "id, state, format, since, until, currency, rows_done, size_bytes, sha256, problem"
)
_ASK: Final = """
insert into statement_files (tenant_id, id, party_kind, party_id, currency, since, until,
                             utc_offset_minutes, format, english, asked_by)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
where (select count(*) from statement_files where party_id = $4 and ended_at is null) < $12
"""


class FileState(StrEnum):
    """WAITING for a worker, MAKING, then DONE, or FAILED."""

    WAITING = "WAITING"
    MAKING = "MAKING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file as whoever has asked for it sees it."""

    id: UUID
    state: FileState
    format: StatementFormat
    since: datetime
    until: datetime
    currency: str
    rows_done: int
    size_bytes: int | None
    sha256: bytes | None
    problem: str | None


async def ask_file(
    period: Period, *, file_format: StatementFormat, english: bool, actor: str, request_key: str
) -> StatementFile:
    """Have a statement made as a file; the same request again is the same file.

    Raises `RateLimited` when too many of the party wait, `FontMissing` for a PDF without a font,
    `IdempotencyConflict`.
    """
    idempotency.require_key(request_key, guest=False)
    if file_format is StatementFormat.PDF:
        require_font()
    party = period.party
    offset = period.since.utcoffset() or timedelta()
    wish = (period.currency, period.since, period.until, offset // timedelta(minutes=1))
    content = {"party": party.id, "wish": wish, "format": file_format, "english": english}
    request = idempotency.Request(party.tenant_id, f"statement:{actor}", request_key, content)
    async with db.transaction(db.core_scope(party.tenant_id)):
        claim = await idempotency.claim(request, kind="STATEMENT", result_id=new_id())
        if claim.first:
            # In a line, so that two at once do not both count the other out.
            await db.execute("select pg_advisory_xact_lock($1)", _lock_of(party))
            asked = (party.tenant_id, claim.result_id, party.kind, party.id, *wish)
            if not await db.execute(_ASK, *asked, file_format, english, actor, MOST_WAITING):
                raise RateLimited("Too many statements wait to be made.", field="format")
        return await _file(party, claim.result_id)


async def statement_file(party: Party, file_id: UUID) -> StatementFile:
    """A file of the party; raises `NotFound`, also for one that has been forgotten."""
    async with db.transaction(db.core_scope(party.tenant_id), read_only=True):
        return await _file(party, file_id)


async def statement_files(party: Party, *, first: int | None) -> list[StatementFile]:
    """The party's files that are kept, the newest first; raises `Invalid` for no size of a page."""
    size = cursors.page_size(first)
    rows = await db.read(
        db.core_scope(party.tenant_id),
        f"""select {_COLUMNS} from statement_files
            where tenant_id = $1 and party_id = $2 order by id desc limit $3""",
        party.tenant_id,
        party.id,
        size,
    )
    return [_read(row) for row in rows]


async def files_party(file_id: UUID) -> tuple[str, UUID]:
    """The kind and id of the party that a file is about, for operators; raises `NotFound`."""
    rows = await db.read(
        db.every_tenant(reason="an operator asks for a party's statement by its id"),
        "select party_kind::text, party_id from statement_files where id = $1",
        file_id,
    )
    if not rows:
        raise _no_file()
    return rows[0]["party_kind"], rows[0]["party_id"]


async def _file(party: Party, file_id: UUID) -> StatementFile:
    row = await db.fetch_row(
        f"""select {_COLUMNS} from statement_files
            where tenant_id = $1 and id = $2 and party_id = $3""",
        party.tenant_id,
        file_id,
        party.id,
    )
    if row is None:
        raise _no_file()
    return _read(row)


def _read(row: Mapping[str, Any]) -> StatementFile:
    values = dict(row)
    return StatementFile(
        state=FileState(values.pop("state")), format=StatementFormat(values.pop("format")), **values
    )


def _no_file() -> NotFound:
    return NotFound("There is no such statement.", field="id")


def _lock_of(party: Party) -> int:
    return party.id.int & (2**63 - 1)


# --- fetching ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is there, and how many bytes it has."""

    tenant_id: UUID
    file_id: UUID
    attempt: int
    format: StatementFormat
    size_bytes: int
    sha256: bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content, piece by piece."""
        number, sent = 0, 0
        while sent < self.size_bytes:
            rows = await db.read(
                db.core_scope(self.tenant_id),
                """select content from statement_chunks
                   where tenant_id = $1 and file_id = $2 and attempt = $3 and number = $4""",
                self.tenant_id,
                self.file_id,
                self.attempt,
                number,
            )
            content: bytes = rows[0]["content"]
            yield content
            number, sent = number + 1, sent + len(content)


async def sign_address(shop: Shop, party: Party, file_id: UUID) -> tuple[str, datetime]:
    """Give the secret part of an address at the shop's host, and when it ends."""
    [row] = await db.read(db.core_scope(shop.id), "select platform_now() as now")
    expires_at = (row["now"] + ADDRESS_LASTS).replace(microsecond=0)
    payload = {
        "h": str(shop.id),
        "t": str(party.tenant_id),
        "i": str(file_id),
        "e": int(expires_at.timestamp()),
    }
    return crypto.sign(_PURPOSE, orjson.dumps(payload)), expires_at


async def read_address(token: str, *, shop: Shop) -> Download:
    """The file of an address; raises `Forbidden` for one that is not of this host, or has ended."""
    raw = crypto.unsign(_PURPOSE, token)
    payload: dict[str, Any] = orjson.loads(raw) if raw is not None else {}
    if payload.get("h") != str(shop.id):
        raise _ended()
    rows = await db.read(
        db.core_scope(UUID(payload["t"])),
        """select tenant_id, id as file_id, attempt, format, size_bytes, sha256 from statement_files
           where tenant_id = $1 and id = $2 and state = 'DONE'
             and platform_now() <= to_timestamp($3)""",
        UUID(payload["t"]),
        UUID(payload["i"]),
        payload["e"],
    )
    if not rows:
        raise _ended()
    values = dict(rows[0])
    return Download(format=StatementFormat(values.pop("format")), **values)


def _ended() -> Forbidden:
    return Forbidden("This address has ended: ask for a new one.")


async def forget_files() -> int:
    """Delete files that ended a week ago; returns how many."""
    async with db.transaction(db.every_tenant(reason="forget statements of last week")):
        return await db.execute(
            """delete from statement_files where id in (
                   select id from statement_files
                   where ended_at < platform_now() - interval '7 days' limit $1)""",
            FORGOTTEN_AT_ONCE,
        )
