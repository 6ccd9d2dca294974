"""Take a batch back: all of its keys leave the pool, or none does."""

from dataclasses import dataclass
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from supply.stock_news import announce_stock

_SLICE_KEYS = 10_000  # one statement's worth, well inside the statement timeout

# In the order in which the pool holds keys, so that a hold and an undo cannot deadlock.
_FREE = """
    select keys.id from sealed_keys sealed join keys on keys.id = sealed.id
    where sealed.batch_id = $1 and keys.status = 'AVAILABLE' order by keys.position
"""
_WITHDRAW = """
    with slice as (
        select id from keys where id = any ($1) and status = 'AVAILABLE'
        order by position for update
    ), withdrawn as (
        update keys set status = 'WITHDRAWN' from slice where keys.id = slice.id
        returning keys.id
    )
    update sealed_keys set withdrawn_at = platform_now()
    from withdrawn where sealed_keys.id = withdrawn.id
"""


_LEFT = """
    select count(*) filter (where keys.status = 'AVAILABLE') as free,
           count(*) filter (where keys.status not in ('AVAILABLE', 'WITHDRAWN', 'EXPIRED'))
               as in_use
    from sealed_keys sealed join keys on keys.id = sealed.id where sealed.batch_id = $1
"""


class BatchInUse(Invalid):
    """A key of the batch is held or sold; the whole batch stays as it is."""


@dataclass(frozen=True, slots=True)
class WithdrawnBatch:
    """What an undo came to."""

    batch_id: UUID
    withdrawn: int
    """Keys that left the pool now; 0 when the batch had been undone before."""


async def undo_batch(batch_id: UUID) -> WithdrawnBatch:
    """Withdraw every key of a batch that is not yet held or sold.

    Afterwards the same keys, and the same file, can be imported again. An unfinished import can
    be undone, too. Raises `NotFound`, or `BatchInUse` when a key of it is held or sold.
    """
    async with db.transaction(db.core_scope()):
        batch = await db.fetch_row(
            "select supplier_listing_id from key_batches where id = $1 for update", batch_id
        )
        if batch is None:
            raise NotFound("There is no such key batch.", field="batch_id")
        withdrawn = await _withdraw_free(batch_id)
        while await _some_came_free(batch_id):
            withdrawn += await _withdraw_free(batch_id)
        if withdrawn:
            await announce_stock([batch["supplier_listing_id"]])
        await db.execute(
            "update key_batches set status = 'WITHDRAWN' where id = $1 and status <> 'WITHDRAWN'",
            batch_id,
        )
    return WithdrawnBatch(batch_id, withdrawn)


async def _withdraw_free(batch_id: UUID) -> int:
    free = [row["id"] for row in await db.fetch(_FREE, batch_id)]
    withdrawn = 0
    for first in range(0, len(free), _SLICE_KEYS):
        withdrawn += await db.execute(_WITHDRAW, free[first : first + _SLICE_KEYS])
    return withdrawn


async def _some_came_free(batch_id: UUID) -> bool:
    """Asked after withdrawing: a key that was held meanwhile is seen here, and rolls us back; one
    whose hold has ended since the free ones were read is still to be withdrawn."""
    left = await db.fetch_row(_LEFT, batch_id)
    assert left is not None
    if left["in_use"]:
        raise BatchInUse(
            f"{left['in_use']} keys of the batch are held or sold.",
            field="batch_id",
            details={"in_use": left["in_use"]},
        )
    return bool(left["free"])
