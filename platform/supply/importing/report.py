"""What became of every line of a batch, read page by page, however long the file was."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from kernel import db
from kernel.errors import NotFound
from supply.importing.lines import Outcome

_PAGE_LINES = 5_000

_PAGE = """
    select * from (
        (select line_number, 'ACCEPTED' as outcome, serial, commitment from sealed_keys
         where batch_id = $1 and line_number > $2 order by line_number limit $3)
        union all
        (select line_number, reason, '', null from key_batch_rejections
         where batch_id = $1 and line_number > $2 order by line_number limit $3)
    ) as lines order by line_number limit $3
"""


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line. Blank lines and a CSV header have none."""

    line_number: int
    outcome: Outcome
    serial: str
    """Of an accepted key; otherwise empty."""
    commitment_hex: str
    """Of an accepted key: SHA-256 of salt and secret; otherwise empty."""


async def batch_report(batch_id: UUID, *, after_line: int = 0) -> AsyncIterator[LineReport]:
    """Yield what became of each line after `after_line`, in order.

    Raises `NotFound` for a batch that does not exist.
    """
    await _require_batch(batch_id)
    while page := await _page(batch_id, after_line):
        for line in page:
            yield line
        after_line = page[-1].line_number


async def _require_batch(batch_id: UUID) -> None:
    async with db.transaction(db.core_scope(), read_only=True):
        if not await db.fetch_value("select 1 from key_batches where id = $1", batch_id):
            raise NotFound("There is no such key batch.", field="batch_id")


async def _page(batch_id: UUID, after_line: int) -> list[LineReport]:
    async with db.transaction(db.core_scope(), read_only=True):
        rows = await db.fetch(_PAGE, batch_id, after_line, _PAGE_LINES)
    return [
        LineReport(
            line_number=row["line_number"],
            outcome=Outcome(row["outcome"]),
            serial=row["serial"],
            commitment_hex=(row["commitment"] or b"").hex(),
        )
        for row in rows
    ]
