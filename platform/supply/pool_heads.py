"""Where the free keys of much-sold listings begin: the head of their pool, kept in the database.

Sold keys leave dead entries at the front of the pool's index, and while a report is open nobody
may clear them away. Whoever searches or counts "from the beginning" begins at the head instead, so
that a process that has just started walks over no more than was sold since somebody looked. A head
is a guess, like the hints that rest on it (`supply/cursor_hints.py`): where a search comes out
short it goes on before the head.
"""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.background import Background

FROM_HEAD: Final = """
coalesce({position}, (select head.position from pool_heads head
                      where head.supplier_listing_id = {listing}), 0)
"""
"""SQL: the position to begin at, and where none is given, the head."""

LOOK: Final = """
insert into pool_heads as head (supplier_listing_id, position)
select listing.id, free.position
from supplier_listings listing join skus on skus.id = listing.sku_id
cross join lateral (
    select keys.position from keys
    where keys.supplier_listing_id = listing.id and keys.status = 'AVAILABLE'
      and (keys.expires_at is null
           or keys.expires_at > platform_now() + make_interval(days => skus.min_remaining_days))
    order by keys.position limit 1
) as free
where listing.id = $1
on conflict (supplier_listing_id) do update set position = excluded.position
where head.position <> excluded.position
"""
"""SQL: finds and notes the head of listing `$1`. Keys too near their end are passed over."""

LOWERED: Final = """
lowered as (
    update pool_heads head set position = first.position
    from (select supplier_listing_id, min(position) as position from {freed} group by 1) as first
    where head.supplier_listing_id = first.supplier_listing_id and head.position > first.position
)
"""
"""SQL: keys that come into the pool before its head become its head. Of the rows of `freed`."""

looking: Final = Background("looking_for_a_pools_head")


def look(listing_id: UUID) -> None:
    """Find the head of a listing's pool and note it; nobody waits for it."""
    looking.begin(_look(listing_id))


async def _look(listing_id: UUID) -> None:
    async with db.transaction(db.core_scope()):
        await db.execute(LOOK, listing_id)
