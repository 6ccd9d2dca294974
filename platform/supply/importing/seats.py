"""The further seats of shared keys: rows of the pool with the secret of the key beside them.

The first seat goes in like any key, and its fingerprint decides whether the secret is new. Where it
was accepted, the others follow in the same transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel import db
from kernel.ids import new_id
from supply.importing.batches import Batch
from supply.position import pool_position
from supply.vault import SealedKey, seal_seat


@dataclass(frozen=True, slots=True)
class Seat:
    """A further seat of a key as its row will be, from the second on."""

    key_id: UUID
    first_key_id: UUID
    number: int
    serial: str
    sealed: SealedKey
    expires_on_days: int | None


_INSERT = """
    with stored as (
        insert into sealed_keys (id, batch_id, serial, secret, secret_key_id, fingerprint,
                                 commitment)
        select id, $1, serial, secret, secret_key_id, fingerprint, commitment
        from unnest($4::uuid[], $5::text[], $6::bytea[], $7::smallint[], $8::bytea[],
                    $9::bytea[]) as ready (id, serial, secret, secret_key_id, fingerprint,
                                           commitment)
        returning id
    ), numbered as (
        insert into key_seats (key_id, first_key_id, seat)
        select id, first_id, seat
        from unnest($4::uuid[], $10::uuid[], $11::smallint[]) as seat (id, first_id, seat)
        join stored using (id)
    )
    insert into keys (id, supplier_listing_id, sku_id, position, expires_at)
    select place.id, $2, $3, place.position, first.expires_at
    from unnest($4::uuid[], $10::uuid[], $12::bigint[]) as place (id, first_id, position)
    join stored using (id)
    join keys first on first.id = place.first_id
    order by place.position
"""


def further_seats(
    *,
    first_key_id: UUID,
    supplier_listing_id: UUID,
    secret: str,
    serial: str,
    seats: int,
    expires_on_days: int | None,
) -> Iterator[Seat]:
    """Seal the seats of a key after its first."""
    for number in range(2, seats + 1):
        key_id = new_id()
        yield Seat(
            key_id=key_id,
            first_key_id=first_key_id,
            number=number,
            serial=f"{serial}/{number}",
            sealed=seal_seat(
                key_id=key_id,
                supplier_listing_id=supplier_listing_id,
                secret=secret,
                number=number,
            ),
            expires_on_days=expires_on_days,
        )


async def insert_seats(batch: Batch, seats: Sequence[Seat]) -> None:
    """Insert the further seats of keys that were accepted, inside the chunk's transaction."""
    if not seats:
        return
    rows = await db.fetch(
        "select nextval('key_positions') as sequence from generate_series(1, $1)", len(seats)
    )
    # Seat by seat and not key by key: two seats of one order are of two keys while there are two.
    order = sorted(range(len(seats)), key=lambda place: seats[place].number)
    sequences = dict(zip(order, sorted(row["sequence"] for row in rows), strict=True))
    await db.execute(
        _INSERT,
        batch.id,
        batch.supplier_listing_id,
        batch.sku_id,
        [seat.key_id for seat in seats],
        [seat.serial for seat in seats],
        [seat.sealed.secret for seat in seats],
        [seat.sealed.secret_key_id for seat in seats],
        [seat.sealed.fingerprint for seat in seats],
        [seat.sealed.commitment for seat in seats],
        [seat.first_key_id for seat in seats],
        [seat.number for seat in seats],
        [
            pool_position(expires_on_days=seat.expires_on_days, sequence=sequences[place])
            for place, seat in enumerate(seats)
        ],
    )
