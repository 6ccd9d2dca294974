"""Why a coupon is not taken, in one word for programs and one sentence for people."""

from kernel.errors import Refusal


class CouponNotApplicable(Refusal):
    """The coupon is not for this order; `details` says why in one word."""

    code = "COUPON_NOT_APPLICABLE"


class CouponExhausted(Refusal):
    """All uses of the coupon, the buyer's own, or the money behind it are used up."""

    code = "COUPON_EXHAUSTED"


def refusal_for(reason: str, code: str, **details: int) -> Refusal:
    """The refusal of a code for a reason that is one of our words.

    A budget that is empty and a coupon without uses get the same answer: what is left of somebody's
    money is not the buyer's to know.
    """
    exhausted = {
        "USED": CouponExhausted("This coupon was used before."),
        "EXHAUSTED": CouponExhausted("This coupon is used up."),
    }
    not_applicable = {
        "UNKNOWN": CouponNotApplicable("There is no such coupon here."),
        "ENDED": CouponNotApplicable("This coupon is not honoured now."),
        "CUSTOMERS_ONLY": CouponNotApplicable("Sign in to use this coupon."),
        "CONTACT": CouponNotApplicable("This coupon needs an e-mail address or a phone number."),
        "NOT_FIRST": CouponNotApplicable("This coupon is for a first order."),
        "TIER": CouponNotApplicable("This coupon is for members of another tier."),
        "GOODS": CouponNotApplicable("This coupon is not for these goods."),
        "MINIMUM": CouponNotApplicable("This coupon is for larger orders."),
        "EXCLUSIVE": CouponNotApplicable("This coupon does not go with another."),
        "NOTHING": CouponNotApplicable("This coupon takes nothing off this order."),
    }
    refusal: Refusal = {**exhausted, **not_applicable}[reason]
    refusal.field = "couponCodes"
    refusal.details = {"couponCode": code, "reason": reason, **details}
    return refusal
