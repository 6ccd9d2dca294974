"""Who may be thanked for a sale, and at what rate."""

from enum import StrEnum

from tortoise import fields

from kernel.ids import new_id
from tenants.scope import TenantOwned


class ProgramStatus(StrEnum):
    """Whether a programme still thanks anybody."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"


class AffiliateStatus(StrEnum):
    """Whether an affiliate is thanked for new sales."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


class AffiliateProgram(TenantOwned):
    """One shop's promise: this rate of what a referred buyer pays."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    rate_bp = fields.IntField()
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

    class Meta:
        table = "affiliates"
