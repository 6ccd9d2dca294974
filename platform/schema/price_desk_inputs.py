"""What the price desk is told: rules, ranges, promotions, listings."""

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from kernel.errors import Invalid
from kernel.ids import parse_id
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.explain import Viewpoint
from offers.price_desk.listings import ListingDraft
from offers.price_desk.promotions import PromotionDraft, PromotionLine
from offers.price_desk.ranges import RangeDraft
from offers.price_desk.secret_prices import SecretPrice
from offers.price_desk.targets import category_by_slug, child_by_slug
from schema.context import Context
from schema.inputs import amount_in
from schema.money import MinorUnits, MoneyInput
from tenants.pricing import Audience, ForKind, Rounding, RuleKind, Scope


@strawberry.enum(description="The shops below, or the shop's own buyers.")
class PriceAudience(Enum):
    """For whom prices are made."""

    WHOLESALE = "WHOLESALE"
    RETAIL = "RETAIL"


@strawberry.enum(description="Everyone, or a grade, child, tier, customer or promotion.")
class PriceRuleFor(Enum):
    """Whom of its audience a rule is for."""

    EVERYONE = "EVERYONE"
    GRADE = "GRADE"
    CHILD = "CHILD"
    TIER = "TIER"
    CUSTOMER = "CUSTOMER"
    PROMOTION = "PROMOTION"


@strawberry.enum(description="One SKU, a category with all below it, or everything.")
class PriceScope(Enum):
    """What a rule covers."""

    SKU = "SKU"
    CATEGORY = "CATEGORY"
    DEFAULT = "DEFAULT"


@strawberry.enum(description="How a price is made: of the shop's own cost, or of the face value.")
class PriceRuleKind(Enum):
    """A rule's arithmetic."""

    PERCENT_OVER_COST = "PERCENT_OVER_COST"
    FIXED_OVER_COST = "FIXED_OVER_COST"
    PERCENT_OF_FACE = "PERCENT_OF_FACE"
    ABSOLUTE = "ABSOLUTE"
    PASS_THROUGH = "PASS_THROUGH"  # noqa: S105 - the trade's word, not a secret


@strawberry.enum(description="How an exact price becomes one in whole units.")
class PriceRounding(Enum):
    """A rule's rounding."""

    NONE = "NONE"
    HALF_UP = "HALF_UP"
    UP = "UP"
    ENDING_9 = "ENDING_9"


@strawberry.enum(description="The list price, or what the buyer pays after all discounts, too.")
class PriceFloorOn(Enum):
    """What a floor is on."""

    LIST = "LIST"
    NET = "NET"


@strawberry.input(
    description="A price rule. `value` is in basis points for the PERCENT kinds, else in minor "
    "units. `child` names whom a rule FOR a CHILD is for, `forId` everybody else."
)
class PriceRuleInput:
    """A rule as it is wished for; with `ruleId` in place of that one."""

    audience: PriceAudience
    scope: PriceScope
    kind: PriceRuleKind
    value: MinorUnits
    rule_id: strawberry.ID | None = None
    for_kind: PriceRuleFor = PriceRuleFor.EVERYONE
    for_id: strawberry.ID | None = None
    child: str | None = None
    sku_id: strawberry.ID | None = None
    category_slug: str | None = None
    rounding: PriceRounding = PriceRounding.HALF_UP
    unit_minor: int = 1
    min_quantity: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@strawberry.input(description="A rule by its id.")
class PriceRuleRef:
    """Which rule."""

    rule_id: strawberry.ID


@strawberry.input(
    description="A price of one SKU for one direct child or one customer; without `price` it is "
    "taken away."
)
class SecretPriceInput:
    """Exactly one of `child` and `customerId`."""

    sku_id: strawberry.ID
    price: MoneyInput | None = None
    child: str | None = None
    customer_id: strawberry.ID | None = None
    min_quantity: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@strawberry.input(description="A grade of direct children; with `gradeId` in place of that one.")
class AgentGradeInput:
    """Rank 1 is the lowest."""

    name: str
    rank: int
    grade_id: strawberry.ID | None = None
    open_fee: MoneyInput | None = None


@strawberry.input(description="Gives a direct child a grade; without `gradeId` none.")
class ChildGradeInput:
    """Which child, which grade."""

    child: str
    grade_id: strawberry.ID | None = None


@strawberry.input(
    description="What a SKU must cost at least and at most, here and in all shops below; without "
    "both nothing is set any more."
)
class RetailFloorInput:
    """`appliesTo` is about the floor."""

    sku_id: strawberry.ID
    floor: MoneyInput | None = None
    ceiling: MoneyInput | None = None
    applies_to: PriceFloorOn = PriceFloorOn.LIST


@strawberry.input(description="What a piece sold through a child must earn at least.")
class LeastMarginInput:
    """Per piece."""

    amount: MoneyInput


@strawberry.input(description="What one SKU costs while the promotion runs.")
class PromotionLineInput:
    """`value` as in a price rule."""

    sku_id: strawberry.ID
    kind: PriceRuleKind
    value: MinorUnits
    rounding: PriceRounding = PriceRounding.HALF_UP
    unit_minor: int = 1


@strawberry.input(description="A promotion and all of its 1 to 100 lines.")
class PromotionInput:
    """With `promotionId` in place of that one."""

    name: str
    lines: list[PromotionLineInput]
    promotion_id: strawberry.ID | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@strawberry.input(description="Pauses a promotion, or lets it run again.")
class PromotionPauseInput:
    """Which promotion."""

    promotion_id: strawberry.ID
    paused: bool = True


@strawberry.input(description="How the shop shows a SKU; what is left out stays as it is.")
class ListingInput:
    """An empty title takes the shop's own title away."""

    sku_id: strawberry.ID
    visible: bool | None = None
    title: str | None = None


@strawberry.input(description="1 to 100 listings, all or none.")
class ListingBulkInput:
    """Many listings."""

    listings: list[ListingInput]


@strawberry.input(
    description="For whom a price is explained: a stranger in the shop, or one of these."
)
class PriceViewerInput:
    """At most one of them."""

    child: str | None = None
    tier_id: strawberry.ID | None = None
    customer_id: strawberry.ID | None = None


_ID_KINDS = {
    PriceRuleFor.GRADE: "grd",
    PriceRuleFor.TIER: "tir",
    PriceRuleFor.CUSTOMER: "cus",
    PriceRuleFor.PROMOTION: "prm",
}


def id_or_none(kind: str, text: str | None, *, field: str) -> UUID | None:
    """Read an id that may be left out; `NotFound` for one that is none."""
    return None if text is None else parse_id(kind, text, field=field)


def moment(value: datetime | None, *, field: str) -> datetime | None:
    """Read a time that says its zone; `Invalid` for one that does not."""
    if value is not None and value.tzinfo is None:
        raise Invalid("A time names its zone, best UTC: 2030-01-01T00:00:00Z.", field=field)
    return value


async def rule_draft(context: Context, wish: PriceRuleInput) -> RuleDraft:
    """Read a rule; raises `Invalid`, and `NotFound` for what is not the shop's."""
    return RuleDraft(
        audience=Audience(wish.audience.value),
        scope=Scope(wish.scope.value),
        target_id=await _target(context, wish),
        kind=RuleKind(wish.kind.value),
        value=wish.value,
        for_kind=ForKind(wish.for_kind.value),
        for_id=await _for_id(context, wish),
        rounding=Rounding(wish.rounding.value),
        unit_minor=wish.unit_minor,
        min_quantity=wish.min_quantity,
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


async def _target(context: Context, wish: PriceRuleInput) -> UUID | None:
    if wish.scope is PriceScope.SKU and wish.sku_id is not None:
        return parse_id("sku", wish.sku_id, field="skuId")
    if wish.scope is PriceScope.CATEGORY and wish.category_slug is not None:
        return await category_by_slug(context.shop, wish.category_slug)
    return None


async def _for_id(context: Context, wish: PriceRuleInput) -> UUID | None:
    if wish.for_kind is PriceRuleFor.CHILD:
        return None if wish.child is None else await child_by_slug(context.shop, wish.child)
    if wish.for_kind is PriceRuleFor.EVERYONE:
        return None
    return id_or_none(_ID_KINDS[wish.for_kind], wish.for_id, field="forId")


def secret_price(context: Context, wish: SecretPriceInput) -> SecretPrice:
    """Read a secret price; raises `Invalid` and `NotFound`."""
    price = wish.price
    return SecretPrice(
        sku_id=parse_id("sku", wish.sku_id, field="skuId"),
        price_minor=None if price is None else amount_in(price, context, field="price"),
        child_slug=wish.child,
        customer_id=id_or_none("cus", wish.customer_id, field="customerId"),
        min_quantity=wish.min_quantity,
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


def range_draft(context: Context, wish: RetailFloorInput) -> RangeDraft:
    """Read a floor and a ceiling; raises `Invalid` and `NotFound`."""
    floor, ceiling = wish.floor, wish.ceiling
    return RangeDraft(
        sku_id=parse_id("sku", wish.sku_id, field="skuId"),
        floor_minor=None if floor is None else amount_in(floor, context, field="floor"),
        ceiling_minor=None if ceiling is None else amount_in(ceiling, context, field="ceiling"),
        applies_to="NET" if wish.applies_to is PriceFloorOn.NET else "LIST",
    )


def promotion_draft(wish: PromotionInput) -> PromotionDraft:
    """Read a promotion; raises `Invalid` and `NotFound`."""
    return PromotionDraft(
        name=wish.name,
        lines=tuple(
            PromotionLine(
                sku_id=parse_id("sku", line.sku_id, field="skuId"),
                kind=RuleKind(line.kind.value),
                value=line.value,
                rounding=Rounding(line.rounding.value),
                unit_minor=line.unit_minor,
            )
            for line in wish.lines
        ),
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


def listing_draft(wish: ListingInput) -> ListingDraft:
    """Read a listing; raises `Invalid` and `NotFound`."""
    sku_id = parse_id("sku", wish.sku_id, field="skuId")
    return ListingDraft(sku_id=sku_id, visible=wish.visible, title=wish.title)


def viewpoint(wish: PriceViewerInput | None) -> Viewpoint:
    """Read for whom a price is explained; raises `Invalid` for more than one, and `NotFound`."""
    if wish is None:
        return Viewpoint()
    if sum(one is not None for one in (wish.child, wish.tier_id, wish.customer_id)) > 1:
        raise Invalid("Explain for a child, a tier or a customer.", field="viewer")
    return Viewpoint(
        child_slug=wish.child,
        tier_id=id_or_none("tir", wish.tier_id, field="tierId"),
        customer_id=id_or_none("cus", wish.customer_id, field="customerId"),
    )
