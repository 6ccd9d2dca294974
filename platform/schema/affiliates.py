"""Affiliate programs: what the shop promises, who joins, and an affiliate's links."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from affiliates import joining, links, programs
from affiliates.commission import Rate
from affiliates.models import AffiliateStatus as Status
from affiliates.models import ProgramStatus
from affiliates.programs import ProgramTerms, SpecialRate
from kernel.errors import Invalid
from kernel.ids import parse_id
from schema.affiliate_types import (
    AffiliateLink,
    AffiliateMember,
    AffiliateMemberConnection,
    AffiliateProgram,
    AffiliateProgramStatus,
    AffiliateStatus,
    OpenProgram,
    link_type,
    member_connection,
    member_type,
    open_program_type,
    program_type,
)
from schema.context import Context, Info
from schema.inputs import amount_in, moment_in
from schema.money import MoneyInput
from schema.problems import Problem, Refusals


@strawberry.input
class AffiliateRateInput:
    """One of `skuId`, `categoryId` and `tierId`, with `rateBp` or `fixed`: the most specific
    wins."""

    sku_id: strawberry.ID | None = None
    category_id: strawberry.ID | None = None
    tier_id: strawberry.ID | None = None
    rate_bp: int | None = None
    fixed: MoneyInput | None = None


@strawberry.input
class AffiliateProgramUpdateInput:
    """Without `programId` a new program begins. All terms are put in the old ones' stead; orders
    that were made keep theirs."""

    name: str
    program_id: strawberry.ID | None = None
    rate_bp: int | None = None
    fixed: MoneyInput | None = None
    second_bp: int = 0
    third_bp: int = 0
    window_days: int = 30
    first_touch: bool = False
    first_order_only: bool = False
    approves_all: bool = False
    ends_at: datetime | None = None
    status: AffiliateProgramStatus = AffiliateProgramStatus.ACTIVE
    rates: list[AffiliateRateInput] | None = None


@strawberry.input
class AffiliateJoinInput:
    """`code` is what buyers type; `recruiterCode` names the affiliate who has told of the
    program."""

    program_id: strawberry.ID
    code: str
    name: str
    recruiter_code: str | None = None


@strawberry.input
class AffiliateApproveInput:
    """ACTIVE admits who has asked and lets a suspended one go on; REJECTED, SUSPENDED."""

    affiliate_id: strawberry.ID
    decision: AffiliateStatus = AffiliateStatus.ACTIVE


@strawberry.input
class LinkCreateInput:
    """Without `productId` the link leads to the shop's first page; `subId` is the affiliate's own
    word, by which what came of it is counted."""

    product_id: strawberry.ID | None = None
    sub_id: str | None = None


@strawberry.type
class AffiliateProgramSaved:
    """The program as it is now."""

    program: AffiliateProgram


@strawberry.type
class AffiliateMemberChanged:
    """The affiliate as it is now."""

    affiliate: AffiliateMember


@strawberry.type
class AffiliateSignedIn:
    """A token of the affiliate's."""

    token: str
    expires_at: datetime


@strawberry.type
class AffiliateLinkCreated:
    """The new link."""

    link: AffiliateLink


AffiliateProgramPayload = Annotated[
    AffiliateProgramSaved | Problem, strawberry.union("AffiliateProgramPayload")
]
AffiliateMemberPayload = Annotated[
    AffiliateMemberChanged | Problem, strawberry.union("AffiliateMemberPayload")
]
AffiliateSignInPayload = Annotated[
    AffiliateSignedIn | Problem, strawberry.union("AffiliateSignInPayload")
]
AffiliateLinkPayload = Annotated[
    AffiliateLinkCreated | Problem, strawberry.union("AffiliateLinkPayload")
]


@strawberry.type
class AffiliateQuery:
    """Programs and who is in them."""

    @strawberry.field(
        description="The shop's affiliate programs.",
        metadata={"assumed_size": programs.MOST_PROGRAMS},
    )
    async def affiliate_programs(self, info: Info) -> list[AffiliateProgram]:
        """Read what the shop promises."""
        context = info.context
        return [program_type(one, context) for one in await programs.programs(context.shop.id)]

    @strawberry.field(
        description="The affiliate programs that a customer may join.",
        metadata={"assumed_size": programs.MOST_PROGRAMS},
    )
    async def open_programs(self, info: Info) -> list[OpenProgram]:
        """Read which programs are open."""
        context = info.context
        found = await programs.open_programs(context.shop.id)
        return [open_program_type(one, context) for one in found]

    @strawberry.field(description="The shop's affiliates, the newest first.")
    async def affiliates(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> AffiliateMemberConnection:
        """Read a page of affiliates."""
        page = await joining.memberships(tenant_id=info.context.shop.id, first=first, after=after)
        return member_connection(page)

    @strawberry.field(
        description="The affiliate's own links, the newest first.",
        metadata={"assumed_size": links.MOST_LINKS},
    )
    async def links(self, info: Info) -> list[AffiliateLink]:
        """Read the affiliate's links."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        found = await links.links_of(
            tenant_id=context.shop.id, affiliate_id=context.caller.principal_id
        )
        return [link_type(one, context) for one in found]


@strawberry.type
class AffiliateMutation:
    """Programs, joining them, and links."""

    @strawberry.mutation(description="Begin a program, or change it.", extensions=[Refusals()])
    async def affiliate_program_update(
        self, info: Info, input: AffiliateProgramUpdateInput
    ) -> AffiliateProgramPayload:
        """Say what the shop promises."""
        context = info.context
        program = await programs.save_program(
            tenant_id=context.shop.id,
            program_id=_id("apg", input.program_id, field="programId"),
            terms=_terms(input, context),
        )
        return AffiliateProgramSaved(program=program_type(program, context))

    @strawberry.mutation(description="Ask to become an affiliate.", extensions=[Refusals()])
    async def affiliate_join(self, info: Info, input: AffiliateJoinInput) -> AffiliateMemberPayload:
        """Join a program, or ask to."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        joined = await joining.join(
            tenant_id=context.shop.id,
            customer_id=context.customer_id,
            program_id=parse_id("apg", input.program_id, field="programId"),
            code=input.code,
            name=input.name,
            recruiter_code=input.recruiter_code,
        )
        return AffiliateMemberChanged(affiliate=member_type(joined))

    @strawberry.mutation(
        description="Admit, reject or suspend an affiliate.", extensions=[Refusals()]
    )
    async def affiliate_approve(
        self, info: Info, input: AffiliateApproveInput
    ) -> AffiliateMemberPayload:
        """Decide about an affiliate of the shop's."""
        decided = await joining.decide_membership(
            tenant_id=info.context.shop.id,
            affiliate_id=parse_id("aff", input.affiliate_id, field="affiliateId"),
            status=Status(input.decision.value),
        )
        return AffiliateMemberChanged(affiliate=member_type(decided))

    @strawberry.mutation(
        description="Get an affiliate's token, for a customer who is one.", extensions=[Refusals()]
    )
    async def affiliate_sign_in(self, info: Info) -> AffiliateSignInPayload:
        """Go to the affiliate's own desk."""
        context = info.context
        assert context.customer_id is not None  # the role × field table lets only customers in
        written = await joining.sign_in_as_affiliate(
            tenant_id=context.shop.id, customer_id=context.customer_id
        )
        return AffiliateSignedIn(token=written.token, expires_at=written.expires_at)

    @strawberry.mutation(description="Make a link.", extensions=[Refusals()])
    async def link_create(self, info: Info, input: LinkCreateInput) -> AffiliateLinkPayload:
        """Make a link of the affiliate's own."""
        context = info.context
        assert context.caller is not None  # the role × field table lets only affiliates in
        link = await links.create_link(
            tenant_id=context.shop.id,
            affiliate_id=context.caller.principal_id,
            product_id=_id("prd", input.product_id, field="productId"),
            sub_id=input.sub_id or "",
        )
        return AffiliateLinkCreated(link=link_type(link, context))


def _terms(input: AffiliateProgramUpdateInput, context: Context) -> ProgramTerms:
    ends_at = input.ends_at
    return ProgramTerms(
        name=input.name,
        rate=_rate(input.rate_bp, input.fixed, context),
        second_bp=input.second_bp,
        third_bp=input.third_bp,
        window_days=input.window_days,
        first_touch=input.first_touch,
        first_order_only=input.first_order_only,
        approves_all=input.approves_all,
        ends_at=moment_in(ends_at, field="endsAt") if ends_at else None,
        status=ProgramStatus(input.status.value),
        rates=[_special_rate(one, context) for one in input.rates or ()],
    )


def _special_rate(one: AffiliateRateInput, context: Context) -> SpecialRate:
    return SpecialRate(
        rate=_rate(one.rate_bp, one.fixed, context),
        sku_id=_id("sku", one.sku_id, field="skuId"),
        category_id=_id("cat", one.category_id, field="categoryId"),
        tier_id=_id("tir", one.tier_id, field="tierId"),
    )


def _id(kind: str, given: strawberry.ID | None, *, field: str) -> UUID | None:
    return None if given is None else parse_id(kind, given, field=field)


def _rate(rate_bp: int | None, fixed: MoneyInput | None, context: Context) -> Rate:
    if (rate_bp is None) == (fixed is None):
        raise Invalid("A rate is a part of the price, or an amount a piece.", field="rate")
    if fixed is None:
        return Rate(rate_bp or 0)
    return Rate(0, amount_in(fixed, context, field="fixed"))
