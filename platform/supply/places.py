"""Places: what a supplier will deliver by hand, promised before it is there.

A place is a row of the pool with nothing sealed in it. It is held, sold, released and counted as a
key is; once its buyer is delivered, what was delivered is sealed in it, and it is a key like any
other. So nobody promises more than he has declared, and no secret is delivered twice, by hand or
not.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from asyncpg import UniqueViolationError

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from supply.position import pool_position
from supply.stock_news import announce_stock
from supply.vault import seal_key

MAX_PLACES: Final = 1_000


class DeliveredBefore(Refusal):
    """This very secret was imported or delivered before, to whomever."""

    code = "DUPLICATE_KEY"


async def declare_places(*, listing_id: UUID, supplier_id: UUID, quantity: int) -> int:
    """Offer so many places of a listing from now on; those that are sold or held do not count.

    Returns how many are free. Raises `Invalid`, and `NotFound` for a listing that is not the
    supplier's, or not delivered by hand.
    """
    if not 0 <= quantity <= MAX_PLACES:
        raise Invalid(f"There are 0 to {MAX_PLACES} places.", field="quantity")
    async with db.transaction(db.core_scope()):
        free = await _locked_count(listing_id, supplier_id)
        if quantity > free:
            await _add(listing_id, quantity - free)
        elif quantity < free:
            free -= await _withdraw(listing_id, free - quantity)
        await announce_stock([listing_id])
    return max(free, quantity)


async def _locked_count(listing_id: UUID, supplier_id: UUID) -> int:
    """How many places are free; whoever else declares for the listing waits."""
    found = await db.fetch_row(
        """select from supplier_listings
           where id = $1 and supplier_id = $2 and by_hand and status <> 'DELISTED'
           for no key update""",
        listing_id,
        supplier_id,
    )
    if found is None:
        raise NotFound("There is no such listing.", field="listingId")
    free: int = await db.fetch_value(
        "select count(*) from keys where supplier_listing_id = $1 and status = 'AVAILABLE'",
        listing_id,
    )
    return free


_ADD: Final = """
with batch as (
    insert into key_batches (id, supplier_listing_id, sku_id, file_hash, source_declaration,
                             accepted, status, finished_at)
    select $2, id, sku_id, $3, 'places', cardinality($4::uuid[]), 'ACCEPTED', platform_now()
    from supplier_listings where id = $1
    returning id, sku_id
), sealed as (
    insert into sealed_keys (id, batch_id, serial)
    select place.id, batch.id, $5 || lpad(place.n::text, 4, '0')
    from batch, unnest($4::uuid[]) with ordinality as place (id, n)
    returning id
)
insert into keys (id, supplier_listing_id, sku_id, position)
select sealed.id, $1, batch.sku_id, $6::bigint | nextval('key_positions') from sealed, batch
"""


async def _add(listing_id: UUID, quantity: int) -> None:
    batch_id = new_id()
    await db.execute(
        _ADD,
        listing_id,
        batch_id,
        os.urandom(32),  # there is no file
        [new_id() for _ in range(quantity)],
        f"{batch_id.hex[-8:].upper()}-",
        pool_position(expires_on_days=None, sequence=0),
    )


async def _withdraw(listing_id: UUID, quantity: int) -> int:
    """Take free places back, the last ones first; those that somebody is buying stay."""
    return await db.execute(
        """with free as (
               select id from keys where supplier_listing_id = $1 and status = 'AVAILABLE'
               order by position desc limit $2 for update skip locked
           ), gone as (
               update keys set status = 'WITHDRAWN' from free where keys.id = free.id
               returning keys.id
           )
           update sealed_keys set withdrawn_at = platform_now()
           from gone where sealed_keys.id = gone.id""",
        listing_id,
        quantity,
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """A place and what is delivered in it."""

    place_id: UUID
    secret: str


async def fill(*, listing_id: UUID, filled: Sequence[Filled]) -> None:
    """Seal what is delivered in the places that its line has bought, inside a transaction.

    Raises `DeliveredBefore`.
    """
    sealed = [
        seal_key(key_id=one.place_id, supplier_listing_id=listing_id, secret=one.secret)
        for one in filled
    ]
    try:
        written = await db.fetch_value(
            "select fill_places($1, $2, $3, $4, $5)",
            [one.place_id for one in filled],
            [one.secret for one in sealed],
            [one.secret_key_id for one in sealed],
            [one.fingerprint for one in sealed],
            [one.commitment for one in sealed],
        )
    except UniqueViolationError as error:
        if error.constraint_name != "sealed_keys_fingerprint":
            raise
        raise DeliveredBefore("This was delivered before.", field="contents") from None
    assert written == len(filled), "a place was filled twice"


async def spend(*, line_id: UUID, place_ids: Sequence[UUID]) -> None:
    """End sold places for which nothing was delivered: who could not deliver declares anew."""
    await db.execute(
        """update keys set status = 'VOIDED'
           where id = any ($1) and status = 'SOLD' and held_by_line_id = $2""",
        list(place_ids),
        line_id,
    )
