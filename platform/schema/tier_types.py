"""Membership tiers (会员等级) as the API shows them."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from loyalty.progress import Progress, TierChange, TierHistory
from loyalty.tiers import Tier
from orders.admission import UNPAID_ORDERS_PER_CUSTOMER
from schema.connections import PageInfo
from schema.money import Money, amount


@strawberry.type(description="What must be bought here, delivered and not refunded, within a time.")
class TierThreshold:
    """`windowDays` is a rolling window: an order counts from when it was made, for so long."""

    spent: Money
    window_days: int
    grace_days: int


@strawberry.type(
    description="What a tier brings. `priority`, 0 to 100, brings what a person delivers forward "
    "in the deliverer's line, at 100 by a quarter of the time that was promised."
)
class TierBenefits:
    """`discountBp` is off the face value."""

    discount_bp: int | None
    max_unpaid_orders: int
    priority: int


@strawberry.type(description="A tier of the shop's customers; without a threshold it is given.")
class MembershipTier:
    """Rank 1 is the lowest."""

    id: strawberry.ID
    name: str
    rank: int
    threshold: TierThreshold | None
    benefits: TierBenefits


@strawberry.type(description="How far the customer has come.")
class TierProgress:
    """`spent` counts for the next tier, or for the present one at the top; `holdsUntil` is when
    the present tier would be lost without another purchase."""

    spent: Money | None
    window_days: int | None
    next: MembershipTier | None
    missing: Money | None
    holds_until: datetime | None
    given: bool


@strawberry.enum(description="Why a customer came to another tier.")
class TierChangeReason(Enum):
    """By buying, by time or refunds, because the shop took the tier away, or by hand."""

    REACHED = "REACHED"
    LAPSED = "LAPSED"
    RETIRED = "RETIRED"
    GIVEN = "GIVEN"
    WITHDRAWN = "WITHDRAWN"
    GIFT_ENDED = "GIFT_ENDED"


@strawberry.type(description="One step of a customer's history, and the sum that decided it.")
class CustomerTierChange:
    """Tiers by their names; `spent` within `windowDays` where a purchase or time decided."""

    id: strawberry.ID
    happened_at: datetime
    reason: TierChangeReason
    from_tier: str | None
    to_tier: str | None
    spent: Money | None
    window_days: int | None
    given_until: datetime | None


@strawberry.type
class CustomerTierChangeConnection:
    """A page of changes, the latest first."""

    nodes: list[CustomerTierChange] = strawberry.field(metadata={"assumed_size": 20})
    page_info: PageInfo


def tier_type(tier: Tier, currency: str) -> MembershipTier:
    """Show a tier."""
    threshold = None
    if tier.spent_minor is not None and tier.window_days is not None:
        threshold = TierThreshold(
            spent=amount(tier.spent_minor, currency),
            window_days=tier.window_days,
            grace_days=tier.grace_days,
        )
    return MembershipTier(
        id=strawberry.ID(public_id("tir", tier.id)),
        name=tier.name,
        rank=tier.rank,
        threshold=threshold,
        benefits=TierBenefits(
            discount_bp=tier.discount_bp,
            max_unpaid_orders=tier.max_unpaid_orders or UNPAID_ORDERS_PER_CUSTOMER,
            priority=tier.priority,
        ),
    )


def progress_type(progress: Progress, currency: str) -> TierProgress:
    """Show how far a customer has come."""
    following = progress.next_tier
    return TierProgress(
        spent=_money(progress.spent_minor, currency),
        window_days=progress.window_days,
        next=None if following is None else tier_type(following, currency),
        missing=_money(progress.missing_minor, currency),
        holds_until=progress.holds_until,
        given=progress.is_given,
    )


def history_connection(page: TierHistory, currency: str) -> CustomerTierChangeConnection:
    """Show a page of a customer's history."""
    return CustomerTierChangeConnection(
        nodes=[_change(one, currency) for one in page.changes],
        page_info=PageInfo(has_next_page=page.has_next, end_cursor=page.end_cursor),
    )


def _change(change: TierChange, currency: str) -> CustomerTierChange:
    return CustomerTierChange(
        id=strawberry.ID(public_id("evt", change.id)),
        happened_at=change.happened_at,
        reason=TierChangeReason(str(change.reason)),
        from_tier=change.from_tier,
        to_tier=change.to_tier,
        spent=_money(change.spent_minor, currency),
        window_days=change.window_days,
        given_until=change.given_until,
    )


def _money(amount_minor: int | None, currency: str) -> Money | None:
    return None if amount_minor is None else amount(amount_minor, currency)
