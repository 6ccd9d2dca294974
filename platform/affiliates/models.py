"""Who may be thanked for a sale, and at what rate."""

from enum import StrEnum

from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault

from kernel.ids import new_id
from tenants.scope import TenantOwned


class ProgramStatus(StrEnum):
    """Whether a programme still thanks anybody."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"


class AffiliateStatus(StrEnum):
    """Whether an affiliate is thanked for new sales."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"


class AffiliateProgram(TenantOwned):
    """One shop's promise: what it pays for a referred buyer's orders, and to whom."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    rate_bp = fields.IntField()
    fixed_minor = fields.BigIntField(null=True)
    second_bp = fields.IntField(default=0)
    third_bp = fields.IntField(default=0)
    window_days = fields.SmallIntField(default=30)
    first_touch = fields.BooleanField(default=False)
    first_order_only = fields.BooleanField(default=False)
    approves_all = fields.BooleanField(default=False)
    ends_at = fields.DatetimeField(null=True)
    status = fields.CharEnumField(ProgramStatus, default=ProgramStatus.ACTIVE)

    class Meta:
        table = "affiliate_programs"


class Affiliate(TenantOwned):
    """Who refers buyers to one shop, by a code in a link."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    program_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    name = fields.TextField()
    code = fields.TextField()
    status = fields.CharEnumField(AffiliateStatus, default=AffiliateStatus.ACTIVE)
    recruiter_id = fields.UUIDField(null=True)
    joined_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "affiliates"
