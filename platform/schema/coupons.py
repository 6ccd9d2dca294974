"""Coupons: issued and watched by a shop's console."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.errors import Invalid
from kernel.ids import parse_id
from promotions import codes, issuing, queries
from promotions.discounts import CouponKind as Kind
from promotions.discounts import Payer, PayerKind
from promotions.generated_codes import generated_codes
from promotions.issuing import CouponWish
from promotions.models import CouponReach as Reach
from promotions.models import CouponStacking as Stacking
from promotions.models import CouponStatus as Status
from schema.context import Context, Info
from schema.coupon_types import (
    Coupon,
    CouponCodeConnection,
    CouponConnection,
    CouponKind,
    CouponPayerKind,
    CouponReach,
    CouponStacking,
    code_connection,
    coupon_connection,
    coupon_type,
)
from schema.inputs import amount_in, moment_in
from schema.money import MoneyInput
from schema.problems import Problem, Refusals


@strawberry.input
class CouponPayerInput:
    """`partyId` is a tenant or a supplier; without one, SUPPLIER is each line's own."""

    kind: CouponPayerKind
    share_bp: int
    party_id: strawberry.ID | None = None


@strawberry.input
class CouponCreateInput:
    """A PERCENT coupon has `percentBp`, a FIXED one `amountOff`. Without `payers` the issuer pays:
    the shop's margin for reach SHOP, its budget for SUBTREE."""

    name: str
    kind: CouponKind
    starts_at: datetime
    ends_at: datetime
    percent_bp: int | None = None
    amount_off: MoneyInput | None = None
    cap: MoneyInput | None = None
    minimum: MoneyInput | None = None
    reach: CouponReach = CouponReach.SHOP
    stacking: CouponStacking = CouponStacking.EXCLUSIVE
    sku_ids: list[strawberry.ID] | None = None
    category_ids: list[strawberry.ID] | None = None
    tier_ids: list[strawberry.ID] | None = None
    first_order: bool = False
    max_uses: int | None = None
    max_uses_per_customer: int | None = None
    guests: bool = False
    returned_by_refund: bool = True
    listed: bool = False
    code: str | None = None
    payers: list[CouponPayerInput] | None = None


@strawberry.input
class CouponCodesInput:
    """1 to 10,000 codes at once, each good for one use."""

    coupon_id: strawberry.ID
    count: int
    prefix: str = ""


@strawberry.input
class CouponRef:
    """A coupon of the shop's own."""

    coupon_id: strawberry.ID


@strawberry.type
class CouponChanged:
    """The coupon after the change."""

    coupon: Coupon


@strawberry.type
class CouponCodesGenerated:
    """The new codes, one a line."""

    content: str


CouponPayload = Annotated[CouponChanged | Problem, strawberry.union("CouponPayload")]
CouponCodesPayload = Annotated[
    CouponCodesGenerated | Problem, strawberry.union("CouponCodesPayload")
]


@strawberry.type
class CouponQuery:
    """The shop's coupons."""

    @strawberry.field(description="The shop's own coupons, and those given for it from above.")
    async def coupons(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> CouponConnection:
        """Read a page of coupons."""
        page = await queries.coupons_page(shop=info.context.shop, first=first, after=after)
        return coupon_connection(page)

    @strawberry.field(
        description="The generated codes of a coupon of the shop's own, the oldest first."
    )
    async def coupon_codes(
        self, info: Info, coupon_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> CouponCodeConnection:
        """Read a page of codes."""
        page = await generated_codes(
            shop=info.context.shop,
            coupon_id=parse_id("cpn", coupon_id, field="couponId"),
            first=first,
            after=after,
        )
        return code_connection(page)


@strawberry.type
class CouponMutation:
    """Issuing coupons."""

    @strawberry.mutation(description="Issue a coupon.", extensions=[Refusals()])
    async def coupon_create(self, info: Info, input: CouponCreateInput) -> CouponPayload:
        """Issue a coupon of this shop."""
        context = info.context
        view = await issuing.create_coupon(
            shop=context.shop, wish=_wish(input, context), by_operator=context.is_operator
        )
        return CouponChanged(coupon=coupon_type(view))

    @strawberry.mutation(description="Make codes for a coupon.", extensions=[Refusals()])
    async def coupon_codes_generate(
        self, info: Info, input: CouponCodesInput
    ) -> CouponCodesPayload:
        """Make codes that are good for one use each."""
        made = await codes.generate_codes(
            shop=info.context.shop,
            coupon_id=parse_id("cpn", input.coupon_id, field="couponId"),
            count=input.count,
            prefix=input.prefix,
        )
        return CouponCodesGenerated(content="\n".join(made))

    @strawberry.mutation(description="Stop honouring a coupon.", extensions=[Refusals()])
    async def coupon_pause(self, info: Info, input: CouponRef) -> CouponPayload:
        """Pause a coupon of the shop's own."""
        return await _with_status(info.context, input, Status.PAUSED)

    @strawberry.mutation(description="Honour a paused coupon again.", extensions=[Refusals()])
    async def coupon_resume(self, info: Info, input: CouponRef) -> CouponPayload:
        """Resume a coupon of the shop's own."""
        return await _with_status(info.context, input, Status.ACTIVE)


async def _with_status(context: Context, ref: CouponRef, status: Status) -> CouponChanged:
    view = await issuing.set_coupon_status(
        shop=context.shop,
        coupon_id=parse_id("cpn", ref.coupon_id, field="couponId"),
        status=status,
    )
    return CouponChanged(coupon=coupon_type(view))


def _wish(given: CouponCreateInput, context: Context) -> CouponWish:
    is_percent = given.kind is CouponKind.PERCENT
    if (given.percent_bp is not None) != is_percent or (given.amount_off is None) != is_percent:
        raise Invalid("A coupon takes off a part of the price, or an amount.", field="kind")
    value = given.percent_bp or 0
    if given.amount_off is not None:
        value = amount_in(given.amount_off, context, field="amountOff")
    return CouponWish(
        name=given.name,
        kind=Kind(given.kind.value),
        value=value,
        starts_at=moment_in(given.starts_at, field="startsAt"),
        ends_at=moment_in(given.ends_at, field="endsAt"),
        reach=Reach(given.reach.value),
        cap_minor=amount_in(given.cap, context, field="cap") if given.cap else None,
        sku_ids=[parse_id("sku", one, field="skuIds") for one in given.sku_ids or ()],
        category_ids=[
            parse_id("cat", one, field="categoryIds") for one in given.category_ids or ()
        ],
        tier_ids=[parse_id("tir", one, field="tierIds") for one in given.tier_ids or ()],
        first_order=given.first_order,
        min_subtotal_minor=(
            amount_in(given.minimum, context, field="minimum") if given.minimum else 0
        ),
        max_uses=given.max_uses,
        max_uses_per_customer=given.max_uses_per_customer,
        guests=given.guests,
        stacking=Stacking(given.stacking.value),
        returned_by_refund=given.returned_by_refund,
        listed=given.listed,
        code=given.code,
        payers=[_payer(payer) for payer in given.payers or ()],
    )


def _payer(given: CouponPayerInput) -> Payer:
    kind = PayerKind(given.kind.value)
    if given.party_id is None:
        return Payer(kind, None, given.share_bp)
    prefix = {PayerKind.TENANT: "ten", PayerKind.SUPPLIER: "sup"}.get(kind)
    if prefix is None:
        raise Invalid("Only a tenant or a supplier is named.", field="partyId")
    return Payer(kind, parse_id(prefix, given.party_id, field="partyId"), given.share_bp)
