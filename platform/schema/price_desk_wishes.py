"""What the price desk was told, read: ids, amounts and times, and whom they name."""

from datetime import datetime
from uuid import UUID

from kernel.errors import Invalid
from kernel.ids import parse_id
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.explain import Viewpoint
from offers.price_desk.listings import ListingDraft
from offers.price_desk.promotions import PromotionDraft, PromotionLine
from offers.price_desk.ranges import RangeDraft
from offers.price_desk.secret_prices import SecretPrice
from offers.price_desk.targets import category_by_slug
from schema.context import Context
from schema.inputs import amount_in, moment_in
from schema.price_desk_inputs import (
    ListingInput,
    PriceFloorOn,
    PriceRuleFor,
    PriceRuleInput,
    PriceScope,
    PriceViewerInput,
    PromotionInput,
    RetailFloorInput,
    SecretPriceInput,
)
from tenants.pricing import Audience, ForKind, Rounding, RuleKind, Scope
from tenants.queries import child_of

_ID_KINDS = {
    PriceRuleFor.GRADE: "grd",
    PriceRuleFor.TIER: "tir",
    PriceRuleFor.CUSTOMER: "cus",
    PriceRuleFor.PROMOTION: "prm",
}


def id_or_none(kind: str, text: str | None, *, field: str) -> UUID | None:
    """Read an id that may be left out; `NotFound` for one that is none."""
    return None if text is None else parse_id(kind, text, field=field)


def moment(value: datetime | None, *, field: str) -> datetime | None:
    """Read a time that may be left out; `Invalid` for one that does not say its zone."""
    return None if value is None else moment_in(value, field=field)


async def rule_draft(context: Context, wish: PriceRuleInput) -> RuleDraft:
    """Read a rule; raises `Invalid`, and `NotFound` for what is not the shop's."""
    return RuleDraft(
        audience=Audience(wish.audience.value),
        scope=Scope(wish.scope.value),
        target_id=await _target(context, wish),
        kind=RuleKind(wish.kind.value),
        value=wish.value,
        for_kind=ForKind(wish.for_kind.value),
        for_id=await _for_id(context, wish),
        rounding=Rounding(wish.rounding.value),
        unit_minor=wish.unit_minor,
        min_quantity=wish.min_quantity,
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


async def _target(context: Context, wish: PriceRuleInput) -> UUID | None:
    if wish.scope is PriceScope.SKU and wish.sku_id is not None:
        return parse_id("sku", wish.sku_id, field="skuId")
    if wish.scope is PriceScope.CATEGORY and wish.category_slug is not None:
        return await category_by_slug(context.shop, wish.category_slug)
    return None


async def _for_id(context: Context, wish: PriceRuleInput) -> UUID | None:
    if wish.for_kind is PriceRuleFor.CHILD:
        return None if wish.child is None else (await child_of(context.shop.id, wish.child)).id
    if wish.for_kind is PriceRuleFor.EVERYONE:
        return None
    return id_or_none(_ID_KINDS[wish.for_kind], wish.for_id, field="forId")


def secret_price(context: Context, wish: SecretPriceInput) -> SecretPrice:
    """Read a secret price; raises `Invalid` and `NotFound`."""
    price = wish.price
    return SecretPrice(
        sku_id=parse_id("sku", wish.sku_id, field="skuId"),
        price_minor=None if price is None else amount_in(price, context, field="price"),
        child_slug=wish.child,
        customer_id=id_or_none("cus", wish.customer_id, field="customerId"),
        min_quantity=wish.min_quantity,
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


def range_draft(context: Context, wish: RetailFloorInput) -> RangeDraft:
    """Read a floor and a ceiling; raises `Invalid` and `NotFound`."""
    floor, ceiling = wish.floor, wish.ceiling
    return RangeDraft(
        sku_id=parse_id("sku", wish.sku_id, field="skuId"),
        floor_minor=None if floor is None else amount_in(floor, context, field="floor"),
        ceiling_minor=None if ceiling is None else amount_in(ceiling, context, field="ceiling"),
        applies_to="NET" if wish.applies_to is PriceFloorOn.NET else "LIST",
    )


def promotion_draft(wish: PromotionInput) -> PromotionDraft:
    """Read a promotion; raises `Invalid` and `NotFound`."""
    return PromotionDraft(
        name=wish.name,
        lines=tuple(
            PromotionLine(
                sku_id=parse_id("sku", line.sku_id, field="skuId"),
                kind=RuleKind(line.kind.value),
                value=line.value,
                rounding=Rounding(line.rounding.value),
                unit_minor=line.unit_minor,
            )
            for line in wish.lines
        ),
        starts_at=moment(wish.starts_at, field="startsAt"),
        ends_at=moment(wish.ends_at, field="endsAt"),
    )


def listing_draft(wish: ListingInput) -> ListingDraft:
    """Read a listing; raises `Invalid` and `NotFound`."""
    sku_id = parse_id("sku", wish.sku_id, field="skuId")
    return ListingDraft(
        sku_id=sku_id, visible=wish.visible, title=wish.title, position=wish.position
    )


def viewpoint(wish: PriceViewerInput | None, coupon_codes: list[str] | None) -> Viewpoint:
    """Read for whom a price is explained; raises `Invalid` for more than one, and `NotFound`."""
    codes = tuple(coupon_codes or ())
    if wish is None:
        return Viewpoint(coupon_codes=codes)
    if sum(one is not None for one in (wish.child, wish.tier_id, wish.customer_id)) > 1:
        raise Invalid("Explain for a child, a tier or a customer.", field="viewer")
    return Viewpoint(
        child_slug=wish.child,
        tier_id=id_or_none("tir", wish.tier_id, field="tierId"),
        customer_id=id_or_none("cus", wish.customer_id, field="customerId"),
        coupon_codes=codes,
    )
