"""What the price desk is told: rules, ranges, promotions, listings."""

from datetime import datetime
from enum import Enum

import strawberry

from schema.money import MinorUnits, MoneyInput


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
    """Which child, which grade. A grade's opening fee is paid once, out of the child's trade
    balance; `expectedFee` is what is accepted at most, and without it nothing is."""

    child: str
    grade_id: strawberry.ID | None = None
    expected_fee: MoneyInput | None = None


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
    """An empty title takes the shop's own title away. Products whose SKUs have a `position` stand
    first in the shop's list, in that order; 0 takes it away."""

    sku_id: strawberry.ID
    visible: bool | None = None
    title: str | None = None
    position: int | None = None


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
