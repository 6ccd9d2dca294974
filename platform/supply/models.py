"""The shared pool: suppliers, what they offer, and the keys: sealed in the vault, free in the pool.

Platform class: a shop's transaction has no privilege on any of it. `key_batch_rejections` is
keyed by batch and line together, which the ORM cannot express: it is written and read in SQL.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from kernel.ids import new_id


class SupplierStatus(StrEnum):
    """Whether a supplier's goods are sold."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"


class SupplierListingStatus(StrEnum):
    """Whether an offer of a supplier takes part in the comparison."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DELISTED = "DELISTED"


class PauseReason(StrEnum):
    """Why an offer is paused; LOW_DEPOSIT is set and lifted by the database alone."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    COOLDOWN = "COOLDOWN"
    LOW_DEPOSIT = "LOW_DEPOSIT"
    STALE_SYNC = "STALE_SYNC"
    SUPPLIER = "SUPPLIER"


class KeyBatchStatus(StrEnum):
    """How far an import is, and how it ended."""

    IMPORTING = "IMPORTING"
    ACCEPTED = "ACCEPTED"
    PARTLY_ACCEPTED = "PARTLY_ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class KeyStatus(StrEnum):
    """Where a key is in its life; a trigger knows which step may follow which."""

    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    SOLD = "SOLD"
    REVEALED = "REVEALED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    VOIDED = "VOIDED"
    REPLACED = "REPLACED"


class Supplier(Model):
    """Who owns keys in the pool."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    status = fields.CharEnumField(SupplierStatus, default=SupplierStatus.ACTIVE)
    commission_bp = fields.IntField(default=0)
    # Its listings are paused for it.
    deposit_low = fields.BooleanField(default=False)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "suppliers"


class SupplierListing(Model):
    """One supplier's offer of one SKU."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    supplier_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    supply_price_minor = fields.BigIntField()
    currency = fields.TextField()
    min_retail_minor = fields.BigIntField(null=True)
    max_retail_minor = fields.BigIntField(null=True)
    warranty_hours = fields.IntField(default=24)
    priority = fields.IntField(default=0)
    by_hand = fields.BooleanField(default=False)
    status = fields.CharEnumField(SupplierListingStatus, default=SupplierListingStatus.ACTIVE)
    paused_for = fields.CharEnumField(PauseReason, null=True)

    class Meta:
        table = "supplier_listings"


class KeyBatch(Model):
    """One imported file of keys."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    supplier_listing_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    file_hash = fields.BinaryField()
    source_declaration = fields.TextField(default="")
    line_count = fields.IntField(default=0)
    accepted = fields.IntField(default=0)
    rejected = fields.IntField(default=0)
    status = fields.CharEnumField(KeyBatchStatus, default=KeyBatchStatus.IMPORTING)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "key_batches"


class SealedKey(Model):
    """What never changes about a key: its secret is ciphertext bound to `id` and listing. Of a
    place, which waits for what a person will deliver, nothing is sealed yet."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    batch_id = fields.UUIDField()
    withdrawn_at = fields.DatetimeField(null=True)
    line_number = fields.IntField(null=True)
    secret_key_id = fields.SmallIntField(null=True)
    serial = fields.TextField()
    secret = fields.BinaryField(null=True)
    fingerprint = fields.BinaryField(null=True)
    commitment = fields.BinaryField(null=True)

    class Meta:
        table = "sealed_keys"


class KeySeat(Model):
    """A further seat of a shared key: a key of its own with the secret of the first."""

    key_id = fields.UUIDField(primary_key=True)
    first_key_id = fields.UUIDField()
    seat = fields.SmallIntField()

    class Meta:
        table = "key_seats"


class Key(Model):
    """One digital key: its place in the pool and in its life. `id` is the sealed key's."""

    id = fields.UUIDField(primary_key=True)
    supplier_listing_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    held_by_line_id = fields.UUIDField(null=True)
    position = fields.BigIntField()
    expires_at = fields.DatetimeField(null=True)
    held_until = fields.DatetimeField(null=True)
    status = fields.CharEnumField(KeyStatus, default=KeyStatus.AVAILABLE)

    class Meta:
        table = "keys"
