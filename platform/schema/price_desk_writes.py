"""Changing prices and listings: each change is checked against the guards before it is written."""

from typing import Annotated

import strawberry

from kernel.ids import parse_id
from offers.price_desk import grades, listings, promotions, ranges, rules, secret_prices
from schema.context import Info
from schema.inputs import amount_in
from schema.price_desk_inputs import (
    AgentGradeInput,
    ChildGradeInput,
    LeastMarginInput,
    ListingBulkInput,
    ListingInput,
    PriceRuleInput,
    PriceRuleRef,
    PromotionInput,
    PromotionPauseInput,
    RetailFloorInput,
    SecretPriceInput,
)
from schema.price_desk_types import AgentGrade, PriceRule, Promotion
from schema.price_desk_views import grade_type, promotion_type, rule_type
from schema.price_desk_wishes import (
    id_or_none,
    listing_draft,
    promotion_draft,
    range_draft,
    rule_draft,
    secret_price,
)
from schema.problems import Problem, Refusals


@strawberry.type(description="The rule as it stands now; null where it was taken away.")
class PriceRuleWritten:
    """The price follows at once, here and in all shops below."""

    rule: PriceRule | None


@strawberry.type
class AgentGradeWritten:
    """The grade as it stands now."""

    grade: AgentGrade


@strawberry.type
class PromotionWritten:
    """The promotion as it stands now."""

    promotion: Promotion


@strawberry.type(description="The change has been written.")
class PriceDeskDone:
    """`count` is how many things were written."""

    count: int


PriceRulePayload = Annotated[PriceRuleWritten | Problem, strawberry.union("PriceRulePayload")]
AgentGradePayload = Annotated[AgentGradeWritten | Problem, strawberry.union("AgentGradePayload")]
PromotionPayload = Annotated[PromotionWritten | Problem, strawberry.union("PromotionPayload")]
PriceDeskPayload = Annotated[PriceDeskDone | Problem, strawberry.union("PriceDeskPayload")]


@strawberry.type
class PriceDeskMutation:
    """Rules, grades, floors and promotions."""

    @strawberry.mutation(
        description="Write a price rule: the one in the same place is replaced.",
        extensions=[Refusals()],
    )
    async def price_rule_upsert(self, info: Info, input: PriceRuleInput) -> PriceRulePayload:
        """Write a rule."""
        draft = await rule_draft(info.context, input)
        rule_id = id_or_none("rul", input.rule_id, field="ruleId")
        view = await rules.upsert_rule(info.context.shop, draft, rule_id=rule_id)
        return PriceRuleWritten(rule=rule_type(view))

    @strawberry.mutation(description="Take a price rule away.", extensions=[Refusals()])
    async def price_rule_delete(self, info: Info, input: PriceRuleRef) -> PriceRulePayload:
        """Delete a rule."""
        rule_id = parse_id("rul", input.rule_id, field="ruleId")
        await rules.delete_rule(info.context.shop, rule_id)
        return PriceRuleWritten(rule=None)

    @strawberry.mutation(
        description="Set a price (密价) for one direct child or one customer.",
        extensions=[Refusals()],
    )
    async def secret_price_set(self, info: Info, input: SecretPriceInput) -> PriceRulePayload:
        """Set a secret price."""
        wish = secret_price(info.context, input)
        view = await secret_prices.set_secret_price(info.context.shop, wish)
        return PriceRuleWritten(rule=None if view is None else rule_type(view))

    @strawberry.mutation(
        description="Make or change a grade of direct children.", extensions=[Refusals()]
    )
    async def agent_grade_upsert(self, info: Info, input: AgentGradeInput) -> AgentGradePayload:
        """Write a grade."""
        context, fee = info.context, input.open_fee
        grade = await grades.upsert_grade(
            context.shop,
            grade_id=id_or_none("grd", input.grade_id, field="gradeId"),
            name=input.name,
            rank=input.rank,
            open_fee_minor=0 if fee is None else amount_in(fee, context, field="openFee"),
        )
        return AgentGradeWritten(grade=grade_type(grade, context.shop.currency))

    @strawberry.mutation(
        description="Give a direct child a grade, or none. What that costs the child, once, is the "
        "grade's opening fee: PRICE_CHANGED says how much where it was not accepted.",
        extensions=[Refusals()],
    )
    async def child_tenant_set_grade(self, info: Info, input: ChildGradeInput) -> PriceDeskPayload:
        """Set a child's grade."""
        grade_id = id_or_none("grd", input.grade_id, field="gradeId")
        fee = input.expected_fee
        await grades.set_grade(
            info.context.shop,
            child_slug=input.child,
            grade_id=grade_id,
            accepted_fee_minor=(
                0 if fee is None else amount_in(fee, info.context, field="expectedFee")
            ),
        )
        return PriceDeskDone(count=1)

    @strawberry.mutation(
        description="Set what a SKU costs at least and at most, here and in all shops below.",
        extensions=[Refusals()],
    )
    async def retail_floor_set(self, info: Info, input: RetailFloorInput) -> PriceDeskPayload:
        """Set a retail range."""
        await ranges.set_range(info.context.shop, range_draft(info.context, input))
        return PriceDeskDone(count=1)

    @strawberry.mutation(
        description="Set what a piece sold through a child earns at least.",
        extensions=[Refusals()],
    )
    async def least_margin_set(self, info: Info, input: LeastMarginInput) -> PriceDeskPayload:
        """Set the least margin."""
        min_margin_minor = amount_in(input.amount, info.context, field="amount")
        await rules.set_least_margin(info.context.shop, min_margin_minor=min_margin_minor)
        return PriceDeskDone(count=1)

    @strawberry.mutation(
        description="Make or change a promotion, with all of its lines.", extensions=[Refusals()]
    )
    async def promotion_upsert(self, info: Info, input: PromotionInput) -> PromotionPayload:
        """Write a promotion."""
        view = await promotions.upsert_promotion(
            info.context.shop,
            promotion_draft(input),
            promotion_id=id_or_none("prm", input.promotion_id, field="promotionId"),
        )
        return PromotionWritten(promotion=promotion_type(view))

    @strawberry.mutation(
        description="Pause a promotion, or let it run again.", extensions=[Refusals()]
    )
    async def promotion_pause(self, info: Info, input: PromotionPauseInput) -> PromotionPayload:
        """Pause or resume."""
        promotion_id = parse_id("prm", input.promotion_id, field="promotionId")
        view = await promotions.pause_promotion(
            info.context.shop, promotion_id, paused=input.paused
        )
        return PromotionWritten(promotion=promotion_type(view))


@strawberry.type
class ListingMutation:
    """What the shop shows."""

    @strawberry.mutation(
        description="Show, hide, name or place a SKU; what is hidden is hidden in all shops below.",
        extensions=[Refusals()],
    )
    async def listing_upsert(self, info: Info, input: ListingInput) -> PriceDeskPayload:
        """Write one listing."""
        await listings.upsert_listings(info.context.shop, [listing_draft(input)])
        return PriceDeskDone(count=1)

    @strawberry.mutation(
        description="Show, hide, name or place up to 100 SKUs, all or none.",
        extensions=[Refusals()],
    )
    async def listing_bulk_upsert(self, info: Info, input: ListingBulkInput) -> PriceDeskPayload:
        """Write many listings."""
        drafts = [listing_draft(one) for one in input.listings]
        await listings.upsert_listings(info.context.shop, drafts)
        return PriceDeskDone(count=len(drafts))
