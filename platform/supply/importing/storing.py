"""A chunk on its way into the database: one transaction, and the database is the referee.

Whether a key exists already is decided by the unique index on fingerprints, never by looking
first: two suppliers may send the same file at the same moment. Keys go in ordered by fingerprint,
so that two importers wait for each other in one direction only and cannot deadlock.
"""

from collections.abc import Sequence
from uuid import UUID

from kernel import db
from supply.importing import batches
from supply.importing.batches import Batch
from supply.importing.lines import Outcome
from supply.importing.sealing import Chunk, ReadyKey
from supply.importing.seats import insert_seats
from supply.pool_heads import LOWERED
from supply.position import pool_position
from supply.stock_news import announce_stock

# An importer waits here for another one's chunk, which takes longer than a shop's lock may.
_WAIT_FOR_OTHER_IMPORTS = "set local lock_timeout = '9s'"

# The vault decides, in the order of the fingerprints; what is new goes into the pool as it will be
# sold, so that what is sold together lies together.
_INSERT = f"""
    with stored as (
        insert into sealed_keys (id, batch_id, line_number, serial, secret, secret_key_id,
                                 fingerprint, commitment)
        select id, $1, line_number, serial, secret, secret_key_id, fingerprint, commitment
        from unnest($4::uuid[], $5::integer[], $6::text[], $7::bytea[], $8::smallint[],
                    $9::bytea[], $10::bytea[])
             as ready (id, line_number, serial, secret, secret_key_id, fingerprint, commitment)
        on conflict (fingerprint) where withdrawn_at is null do nothing
        returning id, line_number
    ), pooled as (
        insert into keys (id, supplier_listing_id, sku_id, position, expires_at)
        select id, $2, $3, position, expires_at
        from unnest($4::uuid[], $11::bigint[], $12::timestamptz[])
             as place (id, position, expires_at)
        join stored using (id)
        order by position
        returning supplier_listing_id, position
    ), {LOWERED.format(freed="pooled")}
    select line_number from stored
"""


async def store(batch: Batch, chunk: Chunk) -> tuple[int, int]:
    """Store a chunk and count it; returns how many were accepted and rejected.

    Raises `ImportRunning` when the batch has moved on without us; then nothing is written.
    """
    async with db.transaction(db.core_scope()):
        await db.execute(_WAIT_FOR_OTHER_IMPORTS)
        await batches.claim_lines(batch, after_line=chunk.first_line - 1)
        accepted = await _insert_keys(batch, chunk.keys)
        new = {key.key_id for key in chunk.keys if key.line_number in accepted}
        await insert_seats(batch, [seat for seat in chunk.seats if seat.first_key_id in new])
        rejections = chunk.rejections | await _duplicates(batch, chunk.keys, accepted)
        await _insert_rejections(batch.id, rejections)
        if accepted:
            await announce_stock([batch.supplier_listing_id])
        await batches.advance(
            batch, last_line=chunk.last_line, accepted=len(accepted), rejected=len(rejections)
        )
    return len(accepted), len(rejections)


async def _insert_keys(batch: Batch, keys: Sequence[ReadyKey]) -> set[int]:
    """Insert the keys that nobody has; returns their line numbers."""
    if not keys:
        return set()
    rows = await db.fetch(
        _INSERT,
        batch.id,
        batch.supplier_listing_id,
        batch.sku_id,
        [key.key_id for key in keys],
        [key.line_number for key in keys],
        [key.serial for key in keys],
        [key.sealed.secret for key in keys],
        [key.sealed.secret_key_id for key in keys],
        [key.sealed.fingerprint for key in keys],
        [key.sealed.commitment for key in keys],
        await _positions(keys),
        [key.expires_at for key in keys],
    )
    return {row["line_number"] for row in rows}


async def _positions(keys: Sequence[ReadyKey]) -> list[int]:
    """Places in the pool in the order of the lines, listed in the order of the keys."""
    rows = await db.fetch(
        "select nextval('key_positions') as sequence from generate_series(1, $1)", len(keys)
    )
    lines = sorted(key.line_number for key in keys)
    sequences = dict(zip(lines, sorted(row["sequence"] for row in rows), strict=True))
    return [
        pool_position(expires_on_days=key.expires_on_days, sequence=sequences[key.line_number])
        for key in keys
    ]


async def _duplicates(
    batch: Batch, keys: Sequence[ReadyKey], accepted: set[int]
) -> dict[int, Outcome]:
    """Tell the supplier's own earlier keys from everybody else's, without saying whose."""
    refused = {key.sealed.fingerprint: key for key in keys if key.line_number not in accepted}
    if not refused:
        return {}
    rows = await db.fetch(
        """select sealed.fingerprint from sealed_keys sealed
           join key_batches batch on batch.id = sealed.batch_id
           join supplier_listings listing on listing.id = batch.supplier_listing_id
           where sealed.fingerprint = any ($1) and sealed.withdrawn_at is null
             and listing.supplier_id = $2""",
        list(refused),
        batch.supplier_id,
    )
    here = {row["fingerprint"] for row in rows}
    return {
        key.line_number: (
            Outcome.DUPLICATE_HERE if fingerprint in here else Outcome.DUPLICATE_ELSEWHERE
        )
        for fingerprint, key in refused.items()
    }


async def _insert_rejections(batch_id: UUID, rejections: dict[int, Outcome]) -> None:
    if rejections:
        await db.execute(
            """insert into key_batch_rejections (batch_id, line_number, reason)
               select $1, * from unnest($2::integer[], $3::text[])""",
            batch_id,
            list(rejections),
            [str(reason) for reason in rejections.values()],
        )
