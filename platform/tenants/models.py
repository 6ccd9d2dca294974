"""The tree of agents, its domains, its price rules, and those whom they price for.

`price_limits` is keyed by tenant and SKU together; the ORM knows keys of one column only, so that
table, like every other of its kind, is read and written in SQL.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from kernel.ids import new_id
from tenants.pricing import Audience, ForKind, Rounding, RuleKind
from tenants.pricing import Scope as RuleScope
from tenants.scope import PathOwned, TenantOwned

DEFAULT_PAYMENT_METHODS = ("WALLET", "CARD", "ALIPAY", "WECHAT_PAY")


class TenantKind(StrEnum):
    """The platform's own shop at the top, or a reseller below it."""

    ROOT = "ROOT"
    AGENT = "AGENT"


class TenantStatus(StrEnum):
    """How much a tenant may do; anything but ACTIVE takes no new orders."""

    ACTIVE = "ACTIVE"
    RESTRICTED = "RESTRICTED"
    SUSPENDED = "SUSPENDED"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


class SettlementMode(StrEnum):
    """Who collects the buyer's money: the platform, or the agent against a trade balance."""

    PLATFORM_COLLECT = "PLATFORM_COLLECT"
    PREPAID = "PREPAID"


class DomainKind(StrEnum):
    """A name below the platform's own, or a domain that the tenant brought."""

    SUBDOMAIN = "SUBDOMAIN"
    CUSTOM = "CUSTOM"


class PromotionStatus(StrEnum):
    """Whether a promotion's rules are asked while its window is open."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"


class Locale(StrEnum):
    """The languages that a shop speaks."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


class Tenant(Model):
    """One reseller: a shop of its own, and agents below it. The core sees the whole tree."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    parent_id = fields.UUIDField(null=True)
    # The database sets the path when a tenant is made, and its depth from the path.
    path = ArrayField("uuid", default=list)
    depth = fields.SmallIntField(null=True, generated=True)
    kind = fields.CharEnumField(TenantKind)
    slug = fields.TextField()
    name = fields.TextField()
    status = fields.CharEnumField(TenantStatus, default=TenantStatus.ACTIVE)
    settlement_mode = fields.CharEnumField(SettlementMode, default=SettlementMode.PLATFORM_COLLECT)
    currency = fields.TextField()
    locale = fields.CharEnumField(Locale, default=Locale.CHINESE)
    support_contact = fields.TextField(default="")
    payment_methods = ArrayField("text", default=lambda: list(DEFAULT_PAYMENT_METHODS))
    min_margin_minor = fields.BigIntField(default=0)
    max_markup_bp = fields.IntField(null=True)
    grade_id = fields.UUIDField(null=True)
    """A grade of the parent's."""
    # Of the root alone: they bound the whole tree.
    cumulative_cap_bp = fields.IntField(null=True)
    earning_depth = fields.SmallIntField(null=True)
    opened_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "tenants"


class TenantDomain(Model):
    """A host name that leads to one tenant. The core sees all of them, to find the tenant."""

    tenant_id = fields.UUIDField()
    id = fields.UUIDField(primary_key=True, default=new_id)
    host = fields.TextField()
    kind = fields.CharEnumField(DomainKind)
    is_primary = fields.BooleanField(default=False)
    verified_at = fields.DatetimeField(null=True)

    class Meta:
        table = "tenant_domains"


class StoredPriceRule(PathOwned):
    """What a tenant charges its children or its buyers, as stored; `pricing` does the sums."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    audience = fields.CharEnumField(Audience)
    for_kind = fields.CharEnumField(ForKind, default=ForKind.EVERYONE)
    for_id = fields.UUIDField(null=True)
    scope = fields.CharEnumField(RuleScope)
    target_id = fields.UUIDField(null=True)
    kind = fields.CharEnumField(RuleKind)
    value = fields.BigIntField(default=0)
    rounding = fields.CharEnumField(Rounding, default=Rounding.HALF_UP)
    unit_minor = fields.IntField(default=1)
    min_quantity = fields.IntField(default=1)
    starts_at = fields.DatetimeField(null=True)
    ends_at = fields.DatetimeField(null=True)
    # Whom `for_id` names; the database sets the one of these that `for_kind` says.
    grade_id = fields.UUIDField(null=True, generated=True)
    child_id = fields.UUIDField(null=True, generated=True)
    tier_id = fields.UUIDField(null=True, generated=True)
    customer_id = fields.UUIDField(null=True, generated=True)
    promotion_id = fields.UUIDField(null=True, generated=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "price_rules"


class AgentGrade(PathOwned):
    """A rank that a tenant gives to direct children, and what it takes to be opened with it."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    rank = fields.SmallIntField()
    open_fee_minor = fields.BigIntField(default=0)

    class Meta:
        table = "agent_grades"


class MembershipTier(TenantOwned):
    """A rank that a shop gives to customers."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    rank = fields.SmallIntField()

    class Meta:
        table = "membership_tiers"


class Promotion(PathOwned):
    """A time in which a shop asks other prices for a set of SKUs: its rules name the promotion."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.TextField()
    starts_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    ends_at = fields.DatetimeField(null=True)
    status = fields.CharEnumField(PromotionStatus, default=PromotionStatus.RUNNING)

    class Meta:
        table = "promotions"
