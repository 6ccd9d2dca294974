"""What the price desk shows: rules, grades, promotions, explanations, dry runs, alerts.

Everything here is the shop's own and its direct children's (domain 2, "Who may see what").
"""

from datetime import datetime

import strawberry

from schema.connections import PageInfo
from schema.money import MinorUnits, Money
from schema.price_desk_inputs import (
    PriceAudience,
    PriceRounding,
    PriceRuleFor,
    PriceRuleKind,
    PriceScope,
)


@strawberry.type(description="One of the shop's own price rules.")
class PriceRule:
    """`value` in basis points for the PERCENT kinds, else in minor units."""

    id: strawberry.ID
    audience: PriceAudience
    for_kind: PriceRuleFor
    for_id: strawberry.ID | None
    child: str | None
    scope: PriceScope
    sku_code: str | None
    category_slug: str | None
    kind: PriceRuleKind
    value: MinorUnits
    rounding: PriceRounding
    unit_minor: int
    min_quantity: int
    starts_at: datetime | None
    ends_at: datetime | None


@strawberry.type
class PriceRuleConnection:
    """A page of rules, the oldest first."""

    nodes: list[PriceRule] = strawberry.field(metadata={"assumed_size": 20})
    page_info: PageInfo


@strawberry.type(description="A grade of the shop's direct children; rank 1 is the lowest.")
class AgentGrade:
    """One grade."""

    id: strawberry.ID
    name: str
    rank: int
    open_fee: Money


@strawberry.type(description="Other prices for a set of SKUs, for a time.")
class Promotion:
    """`skus` is how many they are."""

    id: strawberry.ID
    name: str
    starts_at: datetime
    ends_at: datetime | None
    paused: bool
    skus: int


@strawberry.type(description="The arithmetic of a rule that made a price.")
class AppliedRule:
    """The rule of one step; `value` as in a price rule."""

    for_kind: PriceRuleFor
    scope: PriceScope
    kind: PriceRuleKind
    value: MinorUnits
    rounding: PriceRounding
    unit_minor: int
    min_quantity: int


@strawberry.type(description="A part of a price: `delta` is added, `after` is the sum up to here.")
class PriceStep:
    """`depth` is whose doing it is, the platform's being 0; `funder` who bears a coupon's part:
    SHOP, TENANT, PLATFORM, SUPPLIER, or OTHERS where that is not the reader's to know."""

    kind: str
    depth: int
    delta: Money
    after: Money
    rule: AppliedRule | None
    funder: str | None
    coupon_code: str | None


@strawberry.type(description="A limit that a price must keep; `limit` where the reader may know.")
class PriceBound:
    """`guard` is the name under which a refusal or an alert speaks of it."""

    kind: str
    guard: str
    limit: Money | None
    holds: bool


@strawberry.type(description="Why a price is what it is, for one piece of a line of `quantity`.")
class PriceExplanation:
    """The deltas of all steps add up to `price`; `brokenGuard` keeps it hidden. `adjustments` are
    what coupons take off the whole line, which then costs `paid`."""

    sku_id: strawberry.ID
    sku_code: str
    quantity: int
    price: Money | None
    paid: Money | None
    broken_guard: str | None
    steps: list[PriceStep] = strawberry.field(metadata={"assumed_size": 10})
    adjustments: list[PriceStep] = strawberry.field(metadata={"assumed_size": 2})
    bounds: list[PriceBound] = strawberry.field(metadata={"assumed_size": 7})


@strawberry.type(description="An amount that would change; null is a price that is hidden.")
class PriceMove:
    """`what` is RETAIL in the own shop, COST of a direct child."""

    shop: str
    sku_code: str
    what: str
    before: Money | None
    after: Money | None


@strawberry.type(description="What would become of one shop's prices, in numbers of SKUs.")
class ShopPriceImpact:
    """`guards` are those that would hide something there. Of more than 100 shops the rest stand
    together under an empty `shop`."""

    shop: str
    changed: int
    newly_hidden: int
    shown_again: int
    guards: list[str] = strawberry.field(metadata={"assumed_size": 3})


@strawberry.type(description="A dry run. Where it is not complete, ask on after `endCursor`.")
class PriceImpact:
    """`prices` were compared in this answer; moves and shops are its own, and at most 100 each."""

    prices: int
    changed: int
    newly_hidden: int
    complete: bool
    end_cursor: str | None
    moves: list[PriceMove] = strawberry.field(metadata={"assumed_size": 100})
    shops: list[ShopPriceImpact] = strawberry.field(metadata={"assumed_size": 100})


@strawberry.type(description="A price of the shop's own making that a guard keeps hidden.")
class PriceAlert:
    """`child` is the direct child that is charged it; null for the shop's own retail price."""

    id: strawberry.ID
    guard: str
    sku_id: strawberry.ID
    sku_code: str
    child: str | None
    opened_at: datetime
    closed_at: datetime | None


@strawberry.type
class PriceAlertConnection:
    """A page of alerts, the oldest first."""

    nodes: list[PriceAlert] = strawberry.field(metadata={"assumed_size": 20})
    page_info: PageInfo
