"""Coupons as they are stored: terms that never change, their codes, uses, and who pays."""

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault

from kernel.ids import new_id
from promotions.discounts import CouponKind
from tenants.scope import PathOwned, TenantOwned


class CouponReach(StrEnum):
    """Where a coupon is good: in its issuer's shop, or in all shops below as well."""

    SHOP = "SHOP"
    SUBTREE = "SUBTREE"


class CouponStacking(StrEnum):
    """Whether other coupons may stand beside it."""

    EXCLUSIVE = "EXCLUSIVE"
    WITH_OTHERS = "WITH_OTHERS"


class CouponStatus(StrEnum):
    """Whether a coupon is honoured."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class CouponRelease(StrEnum):
    """Why a use was given back."""

    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    REFUNDED = "REFUNDED"


class Coupon(PathOwned):
    """What a coupon promises; its payers stand in `coupon_payers`."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    kind = fields.CharEnumField(CouponKind)
    percent_bp = fields.IntField(null=True)
    amount_minor = fields.BigIntField(null=True)
    cap_minor = fields.BigIntField(null=True)
    currency = fields.TextField()
    reach = fields.CharEnumField(CouponReach)
    sku_ids = ArrayField("uuid", default=list)
    category_ids = ArrayField("uuid", default=list)
    tier_ids = ArrayField("uuid", default=list)
    first_order = fields.BooleanField(default=False)
    min_subtotal_minor = fields.BigIntField(default=0)
    max_uses = fields.IntField(null=True)
    max_uses_per_customer = fields.SmallIntField(null=True)
    guests = fields.BooleanField()
    stacking = fields.CharEnumField(CouponStacking)
    returned_by_refund = fields.BooleanField()
    listed = fields.BooleanField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    status = fields.CharEnumField(CouponStatus, default=CouponStatus.ACTIVE)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "coupons"


class CouponCode(PathOwned):
    """What a buyer types; upper case, and unique for its issuer."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    coupon_id = fields.UUIDField()
    code = fields.TextField()
    is_single = fields.BooleanField()
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "coupon_codes"


class CouponUse(TenantOwned):
    """One use of a coupon by an order, until it is released."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    coupon_id = fields.UUIDField()
    code_id = fields.UUIDField()
    order_id = fields.UUIDField()
    holder = fields.BinaryField(null=True)
    holder_place = fields.SmallIntField(null=True)
    holder_places = fields.SmallIntField(null=True)
    single_code_id = fields.UUIDField(null=True)
    first_order_of = fields.UUIDField(null=True)
    returned_by_refund = fields.BooleanField()
    created_at = fields.DatetimeField()
    released_at = fields.DatetimeField(null=True)
    released_for = fields.CharEnumField(CouponRelease, null=True)

    class Meta:
        table = "coupon_uses"
