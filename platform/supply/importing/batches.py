"""The batch of an import: one row for a listing and a file, which says how far the import got.

Every chunk moves `line_count` on in the transaction that stores its keys. Whoever kills the
process, the next import of the same file goes on after exactly the lines that are stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from supply.importing.lines import Outcome

MAX_SOURCE_DECLARATION_CHARS = 500


class ImportRunning(Invalid):
    """Another import of the same file, or its undoing, is at work on the batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as an import finds it."""

    id: UUID
    supplier_listing_id: UUID
    sku_id: UUID
    supplier_id: UUID
    line_count: int
    """Lines stored so far, counted from the start of the file."""
    accepted: int
    rejected: int
    status: str
    found_at: datetime
    """The platform's time when the batch was read; keys that end before it are expired."""
    seats: int
    """How many buyers use one key of these goods at once."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What an import came to."""

    batch_id: UUID
    status: str
    line_count: int
    accepted: int
    rejected: int
    rejections: Mapping[Outcome, int]
    """How many lines were refused, by reason; reasons that did not occur are absent."""
    resumed_after_line: int
    """0 for an import from the start; otherwise the lines that an earlier run had stored."""
    already_finished: bool
    """The file had been imported before; this run has written nothing."""


async def start_or_resume(
    *, supplier_listing_id: UUID, file_hash: bytes, source_declaration: str
) -> Batch:
    """Make the batch of a listing and a file, or find the one there is.

    Raises `NotFound` for a listing that does not exist and `Invalid` for one that takes no keys.
    """
    if len(source_declaration) > MAX_SOURCE_DECLARATION_CHARS or "\0" in source_declaration:
        raise Invalid(
            f"A source declaration has at most {MAX_SOURCE_DECLARATION_CHARS} characters.",
            field="source_declaration",
        )
    async with db.transaction(db.core_scope()):
        await _require_open_listing(supplier_listing_id)
        await db.execute(
            """insert into key_batches
                   (id, supplier_listing_id, sku_id, file_hash, source_declaration)
               select $1, id, sku_id, $3, $4 from supplier_listings where id = $2
               on conflict (supplier_listing_id, file_hash) where status <> 'WITHDRAWN'
               do nothing""",
            new_id(),
            supplier_listing_id,
            file_hash,
            source_declaration,
        )
        return await _live_batch(supplier_listing_id, file_hash)


async def _require_open_listing(supplier_listing_id: UUID) -> None:
    row = await db.fetch_row(
        """select listing.status <> 'DELISTED' and supplier.status = 'ACTIVE' as open,
                  listing.by_hand
           from supplier_listings listing join suppliers supplier on supplier.id = supplier_id
           where listing.id = $1""",
        supplier_listing_id,
    )
    if row is None:
        raise NotFound("There is no such supplier listing.", field="supplier_listing_id")
    if not row["open"]:
        raise Invalid(
            "The listing is delisted or its supplier is not active.", field="supplier_listing_id"
        )
    if row["by_hand"]:
        raise Invalid("A listing by hand has places, and no keys.", field="supplier_listing_id")


async def _live_batch(supplier_listing_id: UUID, file_hash: bytes) -> Batch:
    row = await db.fetch_row(
        """select batch.id, batch.supplier_listing_id, batch.sku_id, listing.supplier_id,
                  batch.line_count, batch.accepted, batch.rejected, batch.status,
                  platform_now() as found_at, sku.seats
           from key_batches batch
           join supplier_listings listing on listing.id = batch.supplier_listing_id
           join skus sku on sku.id = batch.sku_id
           where batch.supplier_listing_id = $1 and batch.file_hash = $2
             and batch.status <> 'WITHDRAWN'""",
        supplier_listing_id,
        file_hash,
    )
    if row is None:  # withdrawn since the insert found it in its way
        raise ImportRunning("The batch is being undone; import the file again afterwards.")
    return Batch(**row)


async def claim_lines(batch: Batch, *, after_line: int) -> None:
    """Lock the batch for the chunk after `after_line`, inside its transaction.

    Raises `ImportRunning` when the batch is not where this import left it.
    """
    row = await db.fetch_row(
        "select line_count, status from key_batches where id = $1 for update", batch.id
    )
    if row is None or row["status"] != "IMPORTING" or row["line_count"] != after_line:
        raise ImportRunning("Another import or undo of this file is running.")


async def advance(batch: Batch, *, last_line: int, accepted: int, rejected: int) -> None:
    """Count a stored chunk, inside its transaction."""
    await db.execute(
        """update key_batches set line_count = $2, accepted = accepted + $3,
                  rejected = rejected + $4 where id = $1""",
        batch.id,
        last_line,
        accepted,
        rejected,
    )


async def finish(batch: Batch) -> None:
    """Close a batch whose last line is stored; again, it changes nothing."""
    async with db.transaction(db.core_scope()):
        await db.execute(
            """update key_batches set finished_at = platform_now(), status = case
                   when accepted = 0 then 'REJECTED'
                   when rejected = 0 then 'ACCEPTED' else 'PARTLY_ACCEPTED' end
               where id = $1 and status = 'IMPORTING'""",
            batch.id,
        )


async def summarise(batch: Batch, *, already_finished: bool) -> BatchReport:
    """Say what the batch came to, from what is stored."""
    async with db.transaction(db.core_scope(), read_only=True):
        [row] = await db.fetch(
            "select status, line_count, accepted, rejected from key_batches where id = $1",
            batch.id,
        )
        reasons = await db.fetch(
            """select reason, count(*) as lines from key_batch_rejections
               where batch_id = $1 group by reason""",
            batch.id,
        )
    return BatchReport(
        batch_id=batch.id,
        **row,
        rejections={Outcome(reason["reason"]): reason["lines"] for reason in reasons},
        resumed_after_line=0 if already_finished else batch.line_count,
        already_finished=already_finished,
    )
