"""Programs, affiliates and their links as GraphQL types."""

from datetime import datetime
from enum import Enum

import strawberry

from affiliates.joining import Membership, MembershipPage
from affiliates.links import Link
from affiliates.programs import Program, SpecialRate
from kernel.ids import public_id
from schema.connections import PageInfo
from schema.context import Context
from schema.money import Money, amount


@strawberry.enum
class AffiliateProgramStatus(Enum):
    """Whether a program still pays for new orders."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"


@strawberry.enum
class AffiliateStatus(Enum):
    """PENDING: has asked, and nobody has decided yet."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"


@strawberry.type(description="What a program pays for some goods, or for buyers of a tier.")
class AffiliateRate:
    """Of `skuId`, `categoryId` and `tierId` one is set, of `rateBp` and `fixed` as well."""

    sku_id: strawberry.ID | None
    category_id: strawberry.ID | None
    tier_id: strawberry.ID | None
    rate_bp: int | None
    fixed: Money | None


@strawberry.type(description="A program of the shop's: what it pays, and for what.")
class AffiliateProgram:
    """`fixed` is for every piece, in the place of `rateBp`."""

    id: strawberry.ID
    name: str
    status: AffiliateProgramStatus
    rate_bp: int
    fixed: Money | None
    second_bp: int
    third_bp: int
    window_days: int
    first_touch: bool
    first_order_only: bool
    approves_all: bool
    ends_at: datetime | None
    active_affiliates: int
    rates: list[AffiliateRate] = strawberry.field(metadata={"assumed_size": 10})


@strawberry.type(description="A program that a customer may join.")
class OpenProgram:
    """What it pays at most for a piece is a matter of the goods: this is its own rate."""

    id: strawberry.ID
    name: str
    rate_bp: int
    fixed: Money | None
    window_days: int


@strawberry.type(description="An affiliate as its shop sees it.")
class AffiliateMember:
    """`recruiterId` is who has brought it."""

    id: strawberry.ID
    program_id: strawberry.ID
    name: str
    code: str
    status: AffiliateStatus
    recruiter_id: strawberry.ID | None
    joined_at: datetime


@strawberry.type
class AffiliateMemberEdge:
    """An affiliate and the cursor that continues after it."""

    cursor: str
    node: AffiliateMember


@strawberry.type
class AffiliateMemberConnection:
    """A page of affiliates, the newest first."""

    edges: list[AffiliateMemberEdge]
    page_info: PageInfo


@strawberry.type(description="A link of the affiliate's own.")
class AffiliateLink:
    """`url` leads to the goods, or to the shop's first page, and nowhere else."""

    id: strawberry.ID
    code: str
    url: str
    sub_id: str
    product_slug: str | None
    created_at: datetime


def program_type(program: Program, context: Context) -> AffiliateProgram:
    """Put a program into the words of the shop's desk."""
    terms = program.terms
    return AffiliateProgram(
        id=strawberry.ID(public_id("apg", program.id)),
        name=terms.name,
        status=AffiliateProgramStatus(terms.status),
        rate_bp=terms.rate.bp,
        fixed=_fixed(terms.rate.fixed_minor, context),
        second_bp=terms.second_bp,
        third_bp=terms.third_bp,
        window_days=terms.window_days,
        first_touch=terms.first_touch,
        first_order_only=terms.first_order_only,
        approves_all=terms.approves_all,
        ends_at=terms.ends_at,
        active_affiliates=program.affiliates,
        rates=[_rate_type(one, context) for one in terms.rates],
    )


def open_program_type(program: Program, context: Context) -> OpenProgram:
    """Put a program into the words of whoever may join it."""
    terms = program.terms
    return OpenProgram(
        id=strawberry.ID(public_id("apg", program.id)),
        name=terms.name,
        rate_bp=terms.rate.bp,
        fixed=_fixed(terms.rate.fixed_minor, context),
        window_days=terms.window_days,
    )


def _rate_type(one: SpecialRate, context: Context) -> AffiliateRate:
    is_fixed = one.rate.fixed_minor is not None
    return AffiliateRate(
        sku_id=strawberry.ID(public_id("sku", one.sku_id)) if one.sku_id else None,
        category_id=strawberry.ID(public_id("cat", one.category_id)) if one.category_id else None,
        tier_id=strawberry.ID(public_id("tir", one.tier_id)) if one.tier_id else None,
        rate_bp=None if is_fixed else one.rate.bp,
        fixed=_fixed(one.rate.fixed_minor, context),
    )


def _fixed(fixed_minor: int | None, context: Context) -> Money | None:
    return None if fixed_minor is None else amount(fixed_minor, context.shop.currency)


def member_type(one: Membership) -> AffiliateMember:
    """Put an affiliate into the words of its shop."""
    recruiter = one.recruiter_id
    return AffiliateMember(
        id=strawberry.ID(public_id("aff", one.id)),
        program_id=strawberry.ID(public_id("apg", one.program_id)),
        name=one.name,
        code=one.code,
        status=AffiliateStatus(one.status),
        recruiter_id=strawberry.ID(public_id("aff", recruiter)) if recruiter else None,
        joined_at=one.joined_at,
    )


def member_connection(page: MembershipPage) -> AffiliateMemberConnection:
    """Put a page of affiliates into the words of their shop."""
    edges = [
        AffiliateMemberEdge(cursor=cursor, node=member_type(one))
        for one, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return AffiliateMemberConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def link_type(link: Link, context: Context) -> AffiliateLink:
    """Put a link into its affiliate's words."""
    return AffiliateLink(
        id=strawberry.ID(public_id("alk", link.id)),
        code=link.code,
        url=f"{context.origin}{link.path}",
        sub_id=link.sub_id,
        product_slug=link.slug,
        created_at=link.created_at,
    )
