"""Commissions that somebody has to look at: the shop decides, the affiliate may appeal."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from identity.models import TokenKind
from kernel.ids import parse_id, public_id
from orders.conversions import reviewing
from schema.connections import PageInfo
from schema.context import Info
from schema.problems import Problem, Refusals


@strawberry.enum
class AffiliateReviewStatus(Enum):
    """OPEN and UPHELD: the commissions are held. CLEARED: they go where they would have gone."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    UPHELD = "UPHELD"


@strawberry.type(description="What was seen of an order's commissions, and what became of it.")
class AffiliateReview:
    """`suspicions` are the rules that have seen something, `words` what each has seen; the order
    itself is not stopped by them."""

    id: strawberry.ID
    order_no: str
    affiliate_id: strawberry.ID
    suspicions: list[str] = strawberry.field(metadata={"assumed_size": 3})
    words: list[str] = strawberry.field(metadata={"assumed_size": 3})
    status: AffiliateReviewStatus
    opened_at: datetime
    decided_at: datetime | None
    note: str | None
    appeal: str | None
    appealed_at: datetime | None


@strawberry.type
class AffiliateReviewEdge:
    """A review and the cursor that continues after it."""

    cursor: str
    node: AffiliateReview


@strawberry.type
class AffiliateReviewConnection:
    """A page of reviews, the newest first."""

    edges: list[AffiliateReviewEdge]
    page_info: PageInfo


@strawberry.input
class AffiliateReviewDecideInput:
    """CLEARED or UPHELD; what was upheld may be cleared later. `note` is for the affiliate, too."""

    review_id: strawberry.ID
    decision: AffiliateReviewStatus
    note: str


@strawberry.input
class AppealCreateInput:
    """Why the commission is due: said once."""

    review_id: strawberry.ID
    text: str


@strawberry.type
class AffiliateReviewChanged:
    """The review as it is now."""

    review: AffiliateReview


AffiliateReviewPayload = Annotated[
    AffiliateReviewChanged | Problem, strawberry.union("AffiliateReviewPayload")
]


@strawberry.type
class AffiliateReviewQuery:
    """Reviews."""

    @strawberry.field(
        description="Commissions that were held, the newest first: the shop's, or the affiliate's."
    )
    async def affiliate_reviews(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> AffiliateReviewConnection:
        """Read a page of reviews."""
        caller = info.context.caller
        assert caller is not None  # the role × field table lets no guest in
        own = caller.principal_id if caller.kind is TokenKind.AFFILIATE else None
        page = await reviewing.reviews(
            tenant_id=info.context.shop.id, affiliate_id=own, first=first, after=after
        )
        edges = [
            AffiliateReviewEdge(cursor=cursor, node=_review_type(one))
            for one, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return AffiliateReviewConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class AffiliateReviewMutation:
    """Deciding, and appealing."""

    @strawberry.mutation(
        description="Let held commissions go, or leave them held.", extensions=[Refusals()]
    )
    async def affiliate_review_decide(
        self, info: Info, input: AffiliateReviewDecideInput
    ) -> AffiliateReviewPayload:
        """Decide about what was held."""
        context = info.context
        decided = await reviewing.decide(
            tenant_id=context.shop.id,
            review_id=parse_id("arv", input.review_id, field="reviewId"),
            status=reviewing.ReviewStatus(input.decision.value),
            note=input.note,
            actor=context.actor,
        )
        return AffiliateReviewChanged(review=_review_type(decided))

    @strawberry.mutation(
        description="Say why a held commission is due, once.", extensions=[Refusals()]
    )
    async def appeal_create(self, info: Info, input: AppealCreateInput) -> AffiliateReviewPayload:
        """Appeal against what was held."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        appealed = await reviewing.appeal(
            tenant_id=context.shop.id,
            affiliate_id=context.caller.principal_id,
            review_id=parse_id("arv", input.review_id, field="reviewId"),
            text=input.text,
        )
        return AffiliateReviewChanged(review=_review_type(appealed))


def _review_type(one: reviewing.Review) -> AffiliateReview:
    return AffiliateReview(
        id=strawberry.ID(public_id("arv", one.id)),
        order_no=one.order_no,
        affiliate_id=strawberry.ID(public_id("aff", one.affiliate_id)),
        suspicions=list(one.suspicions),
        words=list(one.words),
        status=AffiliateReviewStatus(one.status),
        opened_at=one.opened_at,
        decided_at=one.decided_at,
        note=one.note,
        appeal=one.appeal,
        appealed_at=one.appealed_at,
    )
