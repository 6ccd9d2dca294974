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
from tenants.life import LifeChange, TenantStatus
from tenants.pricing import Audience, ForKind, Rounding, RuleKind
from tenants.pricing import Scope as RuleScope
from tenants.scope import PathOwned, TenantOwned

DEFAULT_DEPTH = 5
DEFAULT_PAYMENT_METHODS = ("WALLET", "CARD", "ALIPAY", "WECHAT_PAY")


class TenantKind(StrEnum):
    """The platform's own shop at the top, or a reseller below it."""

    ROOT = "ROOT"
    AGENT = "AGENT"


class SettlementMode(StrEnum):
    """Who collects the buyer's money: the platform, or the agent against a trade balance."""

    PLATFORM_COLLECT = "PLATFORM_COLLECT"
    PREPAID = "PREPAID"


class ParentLoss(StrEnum):
    """What becomes of a tenant when its parent is lost: it moves to the next one above that
    stands, with everything below it, or it sells nothing until the parent is back."""

    REPARENT = "REPARENT"
    FREEZE = "FREEZE"


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
    platform_markup_cap_bp = fields.IntField(null=True)
    grade_id = fields.UUIDField(null=True)
    """A grade of the parent's."""
    # Of the root alone: they bound the whole tree.
    cumulative_cap_bp = fields.IntField(null=True)
    earning_depth = fields.SmallIntField(null=True)
    opened_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    # Kept by the database: whether an endpoint of the tenant is told of orders.
    hears_orders = fields.BooleanField(default=False)
    # The same: whether a customer can reach a tier by buying.
    ranks_customers = fields.BooleanField(default=False)
    # The same: whether the shop has given goods places of their own.
    own_order = fields.BooleanField(default=False)
    # And whether it has a points program.
    has_points = fields.BooleanField(default=False)
    orders_stopped = fields.BooleanField(default=False)
    payouts_frozen = fields.BooleanField(default=False)
    restricted_by_parent = fields.BooleanField(default=False)
    on_parent_loss = fields.CharEnumField(ParentLoss, default=ParentLoss.FREEZE)
    # Counted from the root; the database lowers it to the parent's when a tenant is made.
    max_child_depth = fields.SmallIntField(default=DEFAULT_DEPTH)
    kyc_passed_at = fields.DatetimeField(null=True)
    deposit_due_minor = fields.BigIntField(default=0)
    # Its deposit is too low: it takes no orders.
    deposit_low = fields.BooleanField(default=False)
    closes_at = fields.DatetimeField(null=True)
    contact = fields.BinaryField(null=True)
    contact_key_id = fields.SmallIntField(null=True)

    class Meta:
        table = "tenants"


class TenantEvent(TenantOwned):
    """One change in a tenant's life: who, from what to what, and why. Only ever added."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    change = fields.CharEnumField(LifeChange)
    from_status = fields.TextField(null=True)
    to_status = fields.TextField()
    actor = fields.TextField()
    reason = fields.TextField(default="")
    parent_id = fields.UUIDField(null=True)
    at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "tenant_events"


class TenantInvitation(TenantOwned):
    """A parent's word that somebody may open a shop below it; only the token's hash is kept."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    token_hash = fields.BinaryField()
    on_parent_loss = fields.CharEnumField(ParentLoss)
    settlement_mode = fields.CharEnumField(SettlementMode)
    created_by = fields.TextField()
    created_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    expires_at = fields.DatetimeField()
    child_id = fields.UUIDField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "tenant_invitations"


class TenantDomain(Model):
    """A host name that leads to one tenant. The core sees all of them, to find the tenant."""

    tenant_id = fields.UUIDField()
    id = fields.UUIDField(primary_key=True, default=new_id)
    host = fields.TextField()
    kind = fields.CharEnumField(DomainKind)
    is_primary = fields.BooleanField(default=False)
    verified_at = fields.DatetimeField(null=True)
    added_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))
    asked_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    failed_checks = fields.SmallIntField(default=0)
    lapsed_at = fields.DatetimeField(null=True)

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
    # What it takes: so much within so many days. Without both it is given by hand alone.
    spent_minor = fields.BigIntField(null=True)
    window_days = fields.SmallIntField(null=True)
    grace_days = fields.SmallIntField(default=0)
    max_unpaid_orders = fields.SmallIntField(null=True)
    priority = fields.SmallIntField(default=0)
    retired_at = fields.DatetimeField(null=True)

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


class StoredStorefront(TenantOwned):
    """What a shop looks like, as stored; its texts and contacts stand in tables of their own."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    logo_url = fields.TextField(null=True)
    banner_url = fields.TextField(null=True)
    accent = fields.TextField(null=True)
    on_accent = fields.TextField(null=True)
    accent_dark = fields.TextField(null=True)
    on_accent_dark = fields.TextField(null=True)
    updated_at = fields.DatetimeField(db_default=SqlDefault("platform_now()"))

    class Meta:
        table = "storefronts"
