"""What coupons take off a line, and who bears it: the last part of an explanation.

Of its own coupon a shop reads every payer. Of a coupon from above it reads what it bears itself,
and that others bear the rest: who they are is theirs (docs/decisions/0043).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from offers.price_desk.price_steps import Case, PriceExplanation, PriceStep, StepKind
from promotions import coupons
from promotions.coupons import Coupon, Holder
from promotions.discounts import Discount, DiscountableLine, PayerKind

OTHERS: Final = "OTHERS"
"""Whoever bears what a shop does not, of a coupon that is not its own."""


async def discounted(
    explained: PriceExplanation, case: Case, codes: Sequence[str], holder: Holder
) -> PriceExplanation:
    """Take the coupons of these codes off what was explained; nothing is used up.

    Raises the refusal of the first code that is not good for the line. Goods that cannot be bought
    have nothing to take off.
    """
    line_minor = explained.line_minor
    if line_minor is None or not codes:
        return explained
    applied = await coupons.apply(case.ground.shop, [_line(case, line_minor)], codes, holder)
    if applied.refused:
        raise applied.refused[0][1]
    known = {coupon.id: coupon for coupon in applied.coupons}
    steps, left_minor = [], line_minor
    for discount in applied.by_line[0]:
        coupon = known[discount.coupon_id]
        for funder, amount_minor in _borne(case, coupon, discount):
            left_minor -= amount_minor
            steps.append(_step(case, coupon, funder, amount_minor, left_minor))
    return replace(explained, adjustments=tuple(steps))


def _line(case: Case, line_minor: int) -> DiscountableLine:
    return DiscountableLine(
        sku_id=case.sku.id,
        category_path=case.sku.category_path,
        supplier_id=case.offer["supplier_id"],
        list_minor=line_minor,
        floor_minor=(case.sku.row["net_floor_minor"] or 0) * case.quantity,
    )


def _borne(case: Case, coupon: Coupon, discount: Discount) -> Iterator[tuple[str, int]]:
    """Each payer and its part in minor units, cut to what the reader may know."""
    if case.whole_chain or coupon.tenant_id == case.ground.shop.id:
        yield from ((part.kind.value, part.amount_minor) for part in discount.parts)
        return
    own_minor = sum(one.amount_minor for one in discount.parts if one.kind is PayerKind.SHOP)
    if own_minor:
        yield PayerKind.SHOP.value, own_minor
    if own_minor < discount.amount_minor:
        yield OTHERS, discount.amount_minor - own_minor


def _step(case: Case, coupon: Coupon, funder: str, amount_minor: int, left_minor: int) -> PriceStep:
    shop = case.ground.shop
    # Who has issued a coupon is, as a rule, who pays for it.
    issuer_id = coupon.tenant_id if case.whole_chain else shop.id
    return PriceStep(
        kind=StepKind.DISCOUNT,
        delta_minor=-amount_minor,
        after_minor=left_minor,
        depth=shop.path.index(issuer_id),
        funder=funder,
        coupon_code=coupon.code,
    )
