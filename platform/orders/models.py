"""The sale: order, lines, the frozen split, and what was delivered."""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import Field
from tortoise.fields.db_defaults import SqlDefault

from kernel.ids import new_id
from orders.split import PartyKind, Role
from tenants.scope import PartyOwned, TenantOwned


class PaymentStatus(StrEnum):
    """Whether an order was paid for."""

    PENDING = "PENDING"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    PAID = "PAID"


class FulfilmentStatus(StrEnum):
    """Whether the goods are the buyer's."""

    NONE = "NONE"
    FULFILLING = "FULFILLING"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"
    SUPPLY_FAILED = "SUPPLY_FAILED"


class AftersaleStatus(StrEnum):
    """What came back."""

    NONE = "NONE"
    REFUNDING = "REFUNDING"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CHARGED_BACK = "CHARGED_BACK"


class OrderStatus(StrEnum):
    """The one status that people see; the database rolls it up from the three above."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    FULFILLING = "FULFILLING"
    NEEDS_CORRECTION = "NEEDS_CORRECTION"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"
    SUPPLY_FAILED = "SUPPLY_FAILED"
    REFUNDING = "REFUNDING"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CHARGED_BACK = "CHARGED_BACK"


class LineDeliveryMode(StrEnum):
    """How a line is delivered; of the catalogue's modes all but parcels are sold."""

    AUTO_KEY = "AUTO_KEY"
    SHARED_KEY = "SHARED_KEY"
    MANUAL = "MANUAL"
    DIRECT_TOPUP = "DIRECT_TOPUP"


class RevealChannel(StrEnum):
    """How a key's secret left the platform."""

    REVEAL = "REVEAL"
    EXPORT = "EXPORT"
    WEBHOOK = "WEBHOOK"


class AddressField(Field[IPv4Address | IPv6Address | None]):
    """An `inet` column that holds one address."""

    SQL_TYPE = "INET"
    field_type = IPv4Address

    def to_python_value(self, value: Any) -> IPv4Address | IPv6Address | None:
        """Return the address, of either version."""
        return None if value is None else ip_address(value)

    def to_db_value(self, value: Any, instance: Any) -> IPv4Address | IPv6Address | None:
        """Return what the driver writes; `ValueError` for no address."""
        return self.to_python_value(value)


class Order(TenantOwned):
    """One sale in one shop, or `at_cost` what the shop itself has bought.

    A shop's transaction does not read path, affiliate and contact.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    no = fields.TextField()
    customer_id = fields.UUIDField(null=True)
    guest_token_hash = fields.BinaryField(null=True)
    path = ArrayField("uuid")
    currency = fields.TextField()
    total_minor = fields.BigIntField()
    refunded_minor = fields.BigIntField(default=0)
    affiliate_id = fields.UUIDField(null=True)
    contact = fields.BinaryField(null=True)
    contact_key_id = fields.SmallIntField(null=True)
    payment_status = fields.CharEnumField(PaymentStatus, default=PaymentStatus.PENDING)
    fulfilment_status = fields.CharEnumField(FulfilmentStatus, default=FulfilmentStatus.NONE)
    aftersale_status = fields.CharEnumField(AftersaleStatus, default=AftersaleStatus.NONE)
    status = fields.CharEnumField(OrderStatus, null=True, generated=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    at_cost = fields.BooleanField(default=False)
    client_reference = fields.TextField(null=True)
    is_heard = fields.BooleanField(default=False)
    is_ranked = fields.BooleanField(default=False)
    by_hand = fields.BooleanField(default=False)

    class Meta:
        table = "orders"


class OrderLine(TenantOwned):
    """One SKU of an order. A shop's transaction does not read whose listing it was."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    order_id = fields.UUIDField()
    sku_id = fields.UUIDField()
    supplier_listing_id = fields.UUIDField()
    quantity = fields.IntField()
    unit_price_minor = fields.BigIntField()
    net_minor = fields.BigIntField()
    refunded_minor = fields.BigIntField(default=0)
    returned_quantity = fields.IntField(default=0)
    delivery_mode = fields.CharEnumField(LineDeliveryMode)
    key_ids = ArrayField("uuid")
    channel_fee_minor = fields.BigIntField(default=0)
    funded_minor = fields.BigIntField(default=0)
    title = fields.TextField(null=True)
    earned_points = fields.BigIntField(null=True)

    class Meta:
        table = "order_lines"


class LineShare(PartyOwned):
    """What one beneficiary gets of one line, frozen when the order is made."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    order_id = fields.UUIDField()
    line_id = fields.UUIDField()
    party_kind = fields.CharEnumField(PartyKind)
    party_id = fields.UUIDField(null=True)
    role = fields.CharEnumField(Role)
    amount_minor = fields.BigIntField()
    reversed_minor = fields.BigIntField(default=0)
    currency = fields.TextField()
    fx_rate_id = fields.UUIDField(null=True)

    class Meta:
        table = "line_shares"


class DeliveredKey(TenantOwned):
    """A key in a buyer's hands, until it is returned or another one is delivered for it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    order_id = fields.UUIDField()
    line_id = fields.UUIDField()
    key_id = fields.UUIDField()
    delivered_at = fields.DatetimeField()
    revealed_at = fields.DatetimeField(null=True)
    returned_at = fields.DatetimeField(null=True)
    replaced_by = fields.UUIDField(null=True)

    class Meta:
        table = "delivered_keys"


class KeyReveal(TenantOwned):
    """Who saw a key, when and from where. Append-only."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    delivered_key_id = fields.UUIDField()
    actor = fields.TextField()
    channel = fields.CharEnumField(RevealChannel)
    revealed_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    ip = AddressField(null=True)
    user_agent = fields.TextField(default="")

    class Meta:
        table = "key_reveals"
