"""Coupons: issued and watched by a shop's console, and shown to its customers."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from promotions import budgets, codes, issuing, queries
from promotions.budgets import Budget, TopUp
from promotions.discounts import CouponKind as Kind
from promotions.discounts import Payer, PayerKind
from promotions.issuing import CouponWish
from promotions.models import CouponReach as Reach
from promotions.models import CouponStacking as Stacking
from promotions.models import CouponStatus as Status
from promotions.queries import CouponPage, CouponView
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.inputs import amount_in
from schema.money import Money, MoneyInput, amount
from schema.problems import Problem, Refusals


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


@strawberry.input
class PromoBudgetTopUpInput:
    """Out of the party's available earnings; from an operator it is the platform's money."""

    amount: MoneyInput
    idempotency_key: strawberry.ID


@strawberry.type
class CouponPayer:
    """Who bears which part, in basis points."""

    kind: CouponPayerKind
    party_id: strawberry.ID | None
    share_bp: int


@strawberry.type(description="A coupon as the shop's console sees it.")
class Coupon:
    """`payers`, `uses` and `maxUses` are of the shop's own coupons only: what another's costs is
    not shown."""

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


@strawberry.type
class PromoBudget:
    """What a promotion budget holds: free, and held for orders that wait for payment."""

    free: Money
    held: Money


@strawberry.type
class CouponChanged:
    """The coupon after the change."""

    coupon: Coupon


@strawberry.type
class CouponCodesGenerated:
    """The new codes, one a line."""

    content: str


@strawberry.type
class PromoBudgetChanged:
    """The budget after the change."""

    budget: PromoBudget


CouponPayload = Annotated[CouponChanged | Problem, strawberry.union("CouponPayload")]
CouponCodesPayload = Annotated[
    CouponCodesGenerated | Problem, strawberry.union("CouponCodesPayload")
]
PromoBudgetPayload = Annotated[PromoBudgetChanged | Problem, strawberry.union("PromoBudgetPayload")]


@strawberry.type
class CouponQuery:
    """The shop's coupons and its budget."""

    @strawberry.field(description="The shop's own coupons, and those given for it from above.")
    async def coupons(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> CouponConnection:
        """Read a page of coupons."""
        page = await queries.coupons_page(shop=info.context.shop, first=first, after=after)
        return _connection(page)

    @strawberry.field(description="The promotion budget of the caller's party.")
    async def promo_budget(self, info: Info) -> PromoBudget:
        """Read what the budget holds."""
        context = info.context
        party_id = _party_of(context)
        shop = context.shop
        return _budget(await budgets.budget_of(shop.id, party_id, shop.currency))


@strawberry.type
class CouponMutation:
    """Issuing coupons and paying for them."""

    @strawberry.mutation(description="Issue a coupon.", extensions=[Refusals()])
    async def coupon_create(self, info: Info, input: CouponCreateInput) -> CouponPayload:
        """Issue a coupon of this shop."""
        context = info.context
        view = await issuing.create_coupon(
            shop=context.shop, wish=_wish(input, context), by_operator=context.is_operator
        )
        return CouponChanged(coupon=_coupon(view))

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

    @strawberry.mutation(description="Add to the promotion budget.", extensions=[Refusals()])
    async def promo_budget_top_up(
        self, info: Info, input: PromoBudgetTopUpInput
    ) -> PromoBudgetPayload:
        """Move available earnings into the budget; from an operator, the platform's money."""
        context = info.context
        wish = TopUp(
            tenant_id=context.shop.id,
            party_id=_party_of(context),
            amount_minor=amount_in(input.amount, context, field="amount"),
            currency=context.shop.currency,
            from_earnings=not context.is_operator,
            idempotency_key=input.idempotency_key,
        )
        return PromoBudgetChanged(budget=_budget(await budgets.top_up_budget(wish)))


async def _with_status(context: Context, ref: CouponRef, status: Status) -> CouponChanged:
    view = await issuing.set_coupon_status(
        shop=context.shop,
        coupon_id=parse_id("cpn", ref.coupon_id, field="couponId"),
        status=status,
    )
    return CouponChanged(coupon=_coupon(view))


def _party_of(context: Context) -> UUID | None:
    """Whose budget the caller speaks for: a supplier's own, else the shop's; at the root an
    operator's is the platform's."""
    if context.caller is not None and "SUPPLIER" in context.roles:
        return context.caller.principal_id
    is_platform = context.is_operator and len(context.shop.path) == 1
    return None if is_platform else context.shop.id


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
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        reach=Reach(given.reach.value),
        cap_minor=amount_in(given.cap, context, field="cap") if given.cap else None,
        sku_ids=[parse_id("sku", one, field="skuIds") for one in given.sku_ids or ()],
        category_ids=[
            parse_id("cat", one, field="categoryIds") for one in given.category_ids or ()
        ],
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


def _coupon(view: CouponView) -> Coupon:
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
    )


def _party_id(kind: str, party_id: UUID | None) -> strawberry.ID | None:
    if party_id is None:
        return None
    return strawberry.ID(public_id("sup" if kind == "SUPPLIER" else "ten", party_id))


def _amount(amount_minor: int | None, view: CouponView) -> Money | None:
    return None if amount_minor is None else amount(amount_minor, view.currency)


def _connection(page: CouponPage) -> CouponConnection:
    edges = [
        CouponEdge(cursor=cursor, node=_coupon(view))
        for view, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return CouponConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )


def _budget(budget: Budget) -> PromoBudget:
    return PromoBudget(
        free=amount(budget.free_minor, budget.currency),
        held=amount(budget.held_minor, budget.currency),
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
