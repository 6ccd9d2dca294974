"""Keys as an import leaves them, written by the owner: sealed in the vault and free in the pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import asyncpg

from kernel.ids import new_id
from supply.vault import seal_key

_INSERT = """
with sealed as (
    insert into sealed_keys (id, batch_id, serial, secret, secret_key_id, fingerprint, commitment)
    values ($1, $2, $3, $4, $5, $6, $7)
)
insert into keys (id, supplier_listing_id, sku_id, position, expires_at)
values ($1, $8, $9, coalesce($10, nextval('key_positions')), $11)
"""


@dataclass(frozen=True, slots=True)
class FreeKey:
    """One key. Without a `position` it comes after all others; without a `serial` it has one that
    looks like nothing else."""

    batch_id: UUID
    listing_id: UUID
    sku_id: UUID
    secret: str
    serial: str = ""
    position: int | None = None
    expires_at: datetime | None = None

    def values(self) -> tuple[object, ...]:
        """Seal the secret for a new id."""
        key_id = new_id()
        sealed = seal_key(key_id=key_id, supplier_listing_id=self.listing_id, secret=self.secret)
        return (
            key_id,
            self.batch_id,
            self.serial or f"S{sha256(key_id.bytes).hexdigest()[:32]}",
            sealed.secret,
            sealed.secret_key_id,
            sealed.fingerprint,
            sealed.commitment,
            self.listing_id,
            self.sku_id,
            self.position,
            self.expires_at,
        )


async def insert_keys(owner: asyncpg.Connection, keys: Sequence[FreeKey]) -> None:
    """Store the keys in this order."""
    await owner.executemany(_INSERT, [key.values() for key in keys])
