"""Another key for a bad one: of the same listing if there is one, else of the cheapest other one.

Inside the transaction of whoever replaces it, with the line's order locked. Keys that somebody
else has locked are passed over: nobody waits here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from supply.pool import OutOfStock, Wanted, hold

MOST_LISTINGS: Final = 20
"""So many listings are asked before there is no key."""

# What is paused, for whatever reason, still makes its own keys good.
_LISTINGS: Final = """
select listing.id, listing.supplier_id, listing.supply_price_minor::bigint as supply_price_minor,
       supplier.commission_bp, sku.min_remaining_days,
       platform_now() + interval '1 minute' as until
from supplier_listings listing
join suppliers supplier on supplier.id = listing.supplier_id
join skus sku on sku.id = listing.sku_id
where listing.sku_id = $1 and not listing.by_hand
  and case when listing.id = $2 then listing.status in ('ACTIVE', 'PAUSED')
           else $3 and listing.status = 'ACTIVE' and supplier.status = 'ACTIVE'
                and listing.currency = $4 and listing.supply_price_minor <= $5
                -- A share in a currency of its own is not taken over: a refund is the way.
                and (select currency from supplier_listings where id = $2) = $4 end
order by listing.id <> $2, listing.supply_price_minor, listing.priority desc, listing.id limit $6
"""


@dataclass(frozen=True, slots=True)
class Another:
    """A key that is sold to the line now, and what its listing asks for it, in minor units."""

    key_id: UUID
    listing_id: UUID
    supplier_id: UUID
    supply_price_minor: int
    commission_bp: int


async def sell_another(
    *,
    line_id: UUID,
    sku_id: UUID,
    listing_id: UUID,
    currency: str,
    elsewhere: bool,
    most_minor: int,
) -> Another:
    """Sell the line another key of its listing, or (`elsewhere`) of one that asks at most so much.

    Raises `OutOfStock` where there is none.
    """
    found = await db.fetch(
        _LISTINGS, sku_id, listing_id, elsewhere, currency, most_minor, MOST_LISTINGS
    )
    for row in found:
        wanted = Wanted(line_id, row["id"], 1, row["min_remaining_days"])
        try:
            (key_id,) = await hold(wanted, until=row["until"], patient=False)
        except OutOfStock:
            continue
        await _sell(line_id, key_id)
        return Another(
            key_id,
            row["id"],
            row["supplier_id"],
            row["supply_price_minor"],
            row["commission_bp"],
        )
    raise OutOfStock("There is no other key for this one.", field="keyId")


async def _sell(line_id: UUID, key_id: UUID) -> None:
    sold = await db.execute(
        """update keys set status = 'SOLD', held_until = null
           where id = $1 and status = 'HELD' and held_by_line_id = $2""",
        key_id,
        line_id,
    )
    assert sold == 1


async def mark_replaced(*, line_id: UUID, key_ids: Sequence[UUID]) -> int:
    """Note that these keys of a line are bad, and that it has others for them; returns how many
    were the line's still."""
    return await db.execute(
        """update keys set status = 'REPLACED'
           where id = any ($1) and status in ('SOLD', 'REVEALED') and held_by_line_id = $2""",
        list(key_ids),
        line_id,
    )
