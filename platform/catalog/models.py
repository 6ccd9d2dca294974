"""What can be sold at all: one catalogue for the platform.

`tenant_listings` (what a tenant hides or renames) is keyed by tenant and SKU together, which the
ORM cannot express: it is read and written in SQL.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kernel.ids import new_id


class CatalogueStatus(StrEnum):
    """Whether a product or SKU can be offered."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class DeliveryMode(StrEnum):
    """How a buyer gets what was bought."""

    AUTO_KEY = "AUTO_KEY"
    SHARED_KEY = "SHARED_KEY"
    DIRECT_TOPUP = "DIRECT_TOPUP"
    MANUAL = "MANUAL"
    PHYSICAL = "PHYSICAL"


class Category(Model):
    """A node of the category tree; `path` runs from the top down to itself."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    parent_id = fields.UUIDField(null=True)
    path = ArrayField("uuid")
    slug = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    position = fields.IntField(default=0)

    class Meta:
        table = "categories"


class Product(Model):
    """What a page shows: one thing for sale in several variants."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    category_id = fields.UUIDField()
    slug = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    description_zh = fields.TextField(default="")
    description_en = fields.TextField(default="")
    platform = fields.TextField(default="")
    position = fields.IntField(default=0)
    status = fields.CharEnumField(CatalogueStatus, default=CatalogueStatus.ACTIVE)

    class Meta:
        table = "products"


class Sku(Model):
    """What is bought: one variant of a product, with its face value and its rules of use."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    product_id = fields.UUIDField()
    code = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    face_value_minor = fields.BigIntField(null=True)
    face_currency = fields.TextField(null=True)
    region = fields.TextField(default="CN")
    delivery_mode = fields.CharEnumField(DeliveryMode, default=DeliveryMode.AUTO_KEY)
    scope_of_use_zh = fields.TextField(default="")
    scope_of_use_en = fields.TextField(default="")
    validity_days = fields.IntField(null=True)
    min_remaining_days = fields.IntField(default=0)
    usage_rules_zh = ArrayField("text", default=list)
    usage_rules_en = ArrayField("text", default=list)
    redeem_steps_zh = ArrayField("text", default=list)
    redeem_steps_en = ArrayField("text", default=list)
    max_per_order = fields.IntField(default=500)
    seats = fields.SmallIntField(default=1)
    manual_minutes = fields.IntField(null=True)
    form_fields: fields.JSONField[list[dict[str, object]]] = fields.JSONField(default=list)
    position = fields.IntField(default=0)
    status = fields.CharEnumField(CatalogueStatus, default=CatalogueStatus.ACTIVE)

    class Meta:
        table = "skus"
