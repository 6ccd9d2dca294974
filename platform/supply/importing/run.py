"""The story of an import: look the file through, find its batch, seal and store chunk by chunk."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from supply.importing import batches
from supply.importing.batches import Batch, BatchReport
from supply.importing.sealing import Chunk, Sealing
from supply.importing.source import ImportLimits, Source, open_source
from supply.importing.storing import store


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import has got; `stored_lines` survive whatever happens next."""

    batch_id: UUID
    line_count: int
    """Lines of the file, the header and blank ones included."""
    stored_lines: int
    accepted: int
    rejected: int


ProgressListener = Callable[[ImportProgress], None]


async def import_keys(
    *,
    supplier_listing_id: UUID,
    path: Path,
    source_declaration: str = "",
    progress: ProgressListener | None = None,
    limits: ImportLimits | None = None,
) -> BatchReport:
    """Import a `.txt` or `.csv` file of keys into a supplier's listing.

    Each chunk of lines is one transaction. Killed at any moment, the same call with the same file
    goes on after the last stored line; once finished, it reports again and writes nothing.
    Raises `FileRefused`, `NotFound` or `Invalid` before anything is written, `ImportRunning` when
    someone else is at work on the same file, `FileChanged` when the file changes underneath.
    """
    with ExitStack() as stack:
        opening = open_source(path, limits=limits or ImportLimits())
        source = await asyncio.to_thread(stack.enter_context, opening)
        batch = await batches.start_or_resume(
            supplier_listing_id=supplier_listing_id,
            file_hash=source.file_hash,
            source_declaration=source_declaration,
        )
        already_finished = batch.status != "IMPORTING"
        if not already_finished:
            await _store_all(batch, source, progress)
            await batches.finish(batch)
        return await batches.summarise(batch, already_finished=already_finished)


async def _store_all(batch: Batch, source: Source, progress: ProgressListener | None) -> None:
    accepted, rejected = batch.accepted, batch.rejected

    def tell(stored_lines: int) -> None:
        if progress is not None:
            progress(ImportProgress(batch.id, source.line_count, stored_lines, accepted, rejected))

    tell(batch.line_count)
    sealing = Sealing(batch.id, batch.supplier_listing_id, batch.found_at, batch.seats)
    chunks = sealing.chunks(source, after_line=batch.line_count)
    async with aclosing(_made_ahead(chunks)) as made:
        async for chunk in made:
            newly_accepted, newly_rejected = await store(batch, chunk)
            accepted, rejected = accepted + newly_accepted, rejected + newly_rejected
            tell(chunk.last_line)


async def _made_ahead(chunks: Iterator[Chunk]) -> AsyncGenerator[Chunk, None]:
    """Make the next chunk in a thread while the caller stores the one before."""

    def make() -> Chunk | None:
        return next(chunks, None)

    upcoming = asyncio.create_task(asyncio.to_thread(make))
    try:
        while (chunk := await upcoming) is not None:
            upcoming = asyncio.create_task(asyncio.to_thread(make))
            yield chunk
    finally:
        # The thread still reads the file, which the caller is about to close.
        await asyncio.gather(upcoming, return_exceptions=True)
