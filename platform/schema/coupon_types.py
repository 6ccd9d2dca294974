"""Coupons as GraphQL types."""

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

from kernel.ids import public_id
from promotions.generated_codes import CodePage
from promotions.queries import CouponPage, CouponView
from schema.connections import PageInfo
from schema.money import Money, amount


@strawberry.enum
class CouponKind(Enum):
    """Basis points of the price, or an amount."""

    PERCENT = "PERCENT"
    FIXED = "FIXED"


@strawberry.enum
class CouponReach(Enum):
    """Good in the shop that issues it, or in all shops below it as well."""

    SHOP = "SHOP"
    SUBTREE = "SUBTREE"


@strawberry.enum
class CouponStacking(Enum):
    """Whether other coupons may stand beside it."""

    EXCLUSIVE = "EXCLUSIVE"
    WITH_OTHERS = "WITH_OTHERS"


@strawberry.enum
class CouponStatus(Enum):
    """Whether it is honoured."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@strawberry.enum
class CouponPayerKind(Enum):
    """SHOP: the selling shop's margin. The others pay out of a prepaid budget."""

    SHOP = "SHOP"
    TENANT = "TENANT"
    PLATFORM = "PLATFORM"
    SUPPLIER = "SUPPLIER"


@strawberry.type
class CouponPayer:
    """Who bears which part, in basis points."""

    kind: CouponPayerKind
    party_id: strawberry.ID | None
    share_bp: int


@strawberry.type(description="A coupon as the shop's console sees it.")
class Coupon:
    """`payers`, `uses` and `maxUses` are of the shop's own coupons only: what another's costs is
    not shown. So are `skuIds`, `categoryIds` and `tierIds`, which are empty where the coupon is
    good for all."""

    id: strawberry.ID
    name: str
    own: bool
    code: str | None
    kind: CouponKind
    percent_bp: int | None
    amount_off: Money | None
    cap: Money | None
    minimum: Money
    stacking: CouponStacking
    first_order: bool
    starts_at: datetime
    ends_at: datetime
    status: CouponStatus
    max_uses: int | None
    uses: int | None
    payers: list[CouponPayer] = strawberry.field(metadata={"assumed_size": 2})
    reach: CouponReach
    sku_ids: list[strawberry.ID] | None = strawberry.field(metadata={"assumed_size": 5})
    category_ids: list[strawberry.ID] | None = strawberry.field(metadata={"assumed_size": 2})
    tier_ids: list[strawberry.ID] | None = strawberry.field(metadata={"assumed_size": 2})
    max_uses_per_customer: int | None
    guests: bool
    returned_by_refund: bool


@strawberry.type(description="A generated code.")
class CouponCode:
    """Good for one order; `used` while an order has it."""

    code: str
    used: bool


@strawberry.type
class CouponCodeEdge:
    """A code and the cursor that continues after it."""

    cursor: str
    node: CouponCode


@strawberry.type
class CouponCodeConnection:
    """A page of a coupon's generated codes, the oldest first."""

    edges: list[CouponCodeEdge]
    page_info: PageInfo


@strawberry.type
class CouponEdge:
    """A coupon and the cursor that continues after it."""

    cursor: str
    node: Coupon


@strawberry.type
class CouponConnection:
    """A page of coupons, the newest first."""

    edges: list[CouponEdge]
    page_info: PageInfo


@strawberry.type(description="A coupon that the shop offers its customers.")
class CustomerCoupon:
    """`code` is what `couponCodes` takes."""

    code: str
    name: str
    kind: CouponKind
    percent_bp: int | None
    amount_off: Money | None
    cap: Money | None
    minimum: Money
    first_order: bool
    ends_at: datetime


def coupon_type(view: CouponView) -> Coupon:
    """Put a coupon into the console's words."""
    return Coupon(
        id=strawberry.ID(public_id("cpn", view.id)),
        name=view.name,
        own=view.is_own,
        code=view.code,
        kind=CouponKind(view.kind),
        percent_bp=view.percent_bp,
        amount_off=_amount(view.amount_minor, view),
        cap=_amount(view.cap_minor, view),
        minimum=amount(view.min_subtotal_minor, view.currency),
        stacking=CouponStacking(view.stacking),
        first_order=view.first_order,
        starts_at=view.starts_at,
        ends_at=view.ends_at,
        status=CouponStatus(view.status),
        max_uses=view.max_uses,
        uses=view.uses,
        payers=[
            CouponPayer(
                kind=CouponPayerKind(payer.kind),
                party_id=_party_id(payer.kind, payer.party_id),
                share_bp=payer.share_bp,
            )
            for payer in view.payers
        ],
        reach=CouponReach(view.terms.reach),
        sku_ids=_ids("sku", view.terms.sku_ids),
        category_ids=_ids("cat", view.terms.category_ids),
        tier_ids=_ids("tir", view.terms.tier_ids),
        max_uses_per_customer=view.terms.max_uses_per_customer,
        guests=view.terms.guests,
        returned_by_refund=view.terms.returned_by_refund,
    )


def _ids(kind: str, ids: tuple[UUID, ...] | None) -> list[strawberry.ID] | None:
    return None if ids is None else [strawberry.ID(public_id(kind, one)) for one in ids]


def _party_id(kind: str, party_id: UUID | None) -> strawberry.ID | None:
    if party_id is None:
        return None
    return strawberry.ID(public_id("sup" if kind == "SUPPLIER" else "ten", party_id))


def _amount(amount_minor: int | None, view: CouponView) -> Money | None:
    return None if amount_minor is None else amount(amount_minor, view.currency)


def coupon_connection(page: CouponPage) -> CouponConnection:
    """Put a page of coupons into the console's words."""
    edges = [
        CouponEdge(cursor=cursor, node=coupon_type(view))
        for view, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return CouponConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def code_connection(page: CodePage) -> CouponCodeConnection:
    """Put a page of codes into the console's words."""
    edges = [
        CouponCodeEdge(cursor=cursor, node=CouponCode(code=one.code, used=one.used))
        for one, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return CouponCodeConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def customer_coupon(view: CouponView) -> CustomerCoupon:
    """Put a listed coupon into a customer's words."""
    assert view.code is not None  # only coupons with a code for everybody are listed
    return CustomerCoupon(
        code=view.code,
        name=view.name,
        kind=CouponKind(view.kind),
        percent_bp=view.percent_bp,
        amount_off=_amount(view.amount_minor, view),
        cap=_amount(view.cap_minor, view),
        minimum=amount(view.min_subtotal_minor, view.currency),
        first_order=view.first_order,
        ends_at=view.ends_at,
    )
