"""Membership tiers: the shop's ladder, who is on it, and giving a tier by hand."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.ids import parse_id
from loyalty import giving, progress, tiers
from loyalty.tiers import TierDraft
from schema.context import Info
from schema.inputs import amount_in, moment_in
from schema.money import MoneyInput
from schema.price_desk_wishes import id_or_none
from schema.problems import Problem, Refusals
from schema.tier_types import (
    CustomerTierChangeConnection,
    MembershipTier,
    history_connection,
    tier_type,
)


@strawberry.input
class TierInput:
    """Reached by `spent` within `windowDays`, and kept `graceDays` longer; without both it is given
    by hand alone. A discount becomes the tier's price for everything, so many basis points off the
    face value; 0 takes it away, and without one prices stay."""

    name: str
    rank: int
    tier_id: strawberry.ID | None = None
    spent: MoneyInput | None = None
    window_days: int | None = None
    grace_days: int = 0
    max_unpaid_orders: int | None = None
    priority: int = 0
    discount_bp: int | None = None


@strawberry.input
class TierRef:
    """A tier that is to be taken away."""

    tier_id: strawberry.ID


@strawberry.input
class CustomerTierInput:
    """A tier for a customer, until a moment or for good; without a tier the gift is taken back."""

    customer_id: strawberry.ID
    tier_id: strawberry.ID | None = None
    until: datetime | None = None


@strawberry.type
class TierWritten:
    """The tier as it stands now."""

    tier: MembershipTier


@strawberry.type(description="The tier is gone; whoever had it is moved to what was earned.")
class TierRemoved:
    """The id that was taken away."""

    tier_id: strawberry.ID


@strawberry.type(description="The tier that holds of the customer now.")
class CustomerTierSet:
    """None where the customer has none."""

    tier: MembershipTier | None


TierPayload = Annotated[TierWritten | Problem, strawberry.union("TierPayload")]
TierRemovePayload = Annotated[TierRemoved | Problem, strawberry.union("TierRemovePayload")]
CustomerTierPayload = Annotated[CustomerTierSet | Problem, strawberry.union("CustomerTierPayload")]


@strawberry.type
class TierQuery:
    """The ladder, and a customer's way on it."""

    @strawberry.field(
        description="The shop's membership tiers, the lowest first.", metadata={"assumed_size": 5}
    )
    async def tiers(self, info: Info) -> list[MembershipTier]:
        """Read the ladder."""
        shop = info.context.shop
        return [tier_type(tier, shop.currency) for tier in await tiers.tiers_of(shop)]

    @strawberry.field(description="How a customer of the shop came to its tier, the latest first.")
    async def customer_tier_changes(
        self, info: Info, customer_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> CustomerTierChangeConnection:
        """Read a page of a customer's history."""
        shop = info.context.shop
        page = await progress.tier_history(
            shop, parse_id("cus", customer_id, field="customerId"), first=first, after=after
        )
        return history_connection(page, shop.currency)


@strawberry.type
class TierMutation:
    """Building the ladder, and giving by hand."""

    @strawberry.mutation(
        description="Make or change a membership tier; customers follow within a moment.",
        extensions=[Refusals()],
    )
    async def tier_upsert(self, info: Info, input: TierInput) -> TierPayload:
        """Write a tier."""
        context, spent = info.context, input.spent
        draft = TierDraft(
            name=input.name,
            rank=input.rank,
            spent_minor=None if spent is None else amount_in(spent, context, field="spent"),
            window_days=input.window_days,
            grace_days=input.grace_days,
            max_unpaid_orders=input.max_unpaid_orders,
            priority=input.priority,
            discount_bp=input.discount_bp,
        )
        tier_id = id_or_none("tir", input.tier_id, field="tierId")
        tier = await tiers.upsert_tier(context.shop, draft, tier_id=tier_id)
        return TierWritten(tier=tier_type(tier, context.shop.currency))

    @strawberry.mutation(
        description="Take a tier away, unless prices or coupons are for it.",
        extensions=[Refusals()],
    )
    async def tier_remove(self, info: Info, input: TierRef) -> TierRemovePayload:
        """Remove a tier."""
        tier_id = parse_id("tir", input.tier_id, field="tierId")
        await tiers.remove_tier(info.context.shop, tier_id)
        return TierRemoved(tier_id=input.tier_id)

    @strawberry.mutation(
        description="Give a customer a tier by hand: it wins over what was earned.",
        extensions=[Refusals()],
    )
    async def customer_tier_set(self, info: Info, input: CustomerTierInput) -> CustomerTierPayload:
        """Give a tier, or take the gift back."""
        context = info.context
        held_id = await giving.set_tier(
            context.shop,
            customer_id=parse_id("cus", input.customer_id, field="customerId"),
            tier_id=id_or_none("tir", input.tier_id, field="tierId"),
            until=None if input.until is None else moment_in(input.until, field="until"),
            actor=context.actor,
        )
        held = await tiers.find_tier(context.shop, held_id)
        shown = None if held is None else tier_type(held, context.shop.currency)
        return CustomerTierSet(tier=shown)
