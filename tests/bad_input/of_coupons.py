"""Bad input of whoever issues coupons and pays for them."""

from typing import Final

from bad_input.rows import (
    MALFORMED,
    REFUSED,
    UNKNOWN,
    Bad,
    of_any_amount,
    of_any_key,
    other_kind,
)
from isolation.documents import OMIT
from isolation.slots import desk_of
from kernel.ids import new_id, public_id

_SHOP_PAYS: Final = {"payers.kind": "SHOP", "payers.shareBp": 10_000}
#: The right coupon is for guests as well, which one for a tier cannot be.
_FOR_A_TIER: Final = {"guests": False}


def _of_any_coupon(mutation: str) -> list[Bad]:
    """What is wrong with a coupon's id is wrong wherever there is one."""
    theirs = {"couponId": lambda ask: public_id("cpn", ask.town.at("rival").coupon_id)}
    nobodys = {"couponId": lambda _: public_id("cpn", new_id())}
    return [
        Bad(mutation, "another shop's coupon", UNKNOWN, theirs),
        Bad(mutation, "no such coupon", UNKNOWN, nobodys),
        Bad(mutation, "an id of another kind", UNKNOWN, {"couponId": other_kind}),
    ]


COUPONS: Final = [
    *of_any_amount("couponCreate", "amountOff"),
    *of_any_amount("couponCreate", "minimum"),
    Bad("couponCreate", "no name", REFUSED, {"name": ""}),
    Bad("couponCreate", "a name of 81 characters", REFUSED, {"name": "n" * 81}),
    Bad("couponCreate", "a name with control characters", REFUSED, {"name": "a\x1bb"}),
    Bad("couponCreate", "no such kind", MALFORMED, {"kind": "BY_MOOD"}),
    Bad("couponCreate", "nothing off", REFUSED, {"amountOff.amountMinor": 0}),
    Bad("couponCreate", "an amount and a part at once", REFUSED, {"percentBp": 100}),
    Bad("couponCreate", "a part that is an amount", REFUSED, {"kind": "PERCENT"}),
    Bad("couponCreate", "a cap on an amount", REFUSED,
        {"cap.amountMinor": 100, "cap.currency": "CNY"}),
    Bad("couponCreate", "no time", MALFORMED, {"startsAt": "tomorrow"}),
    Bad("couponCreate", "a beginning without a zone", REFUSED, {"startsAt": "2026-01-01T00:00:00"}),
    Bad("couponCreate", "an end without a zone", REFUSED, {"endsAt": "2027-01-01T00:00:00"}),
    Bad("couponCreate", "a beginning before all time", REFUSED,
        {"startsAt": "0001-01-01T00:00:00+14:00"}),
    Bad("couponCreate", "an end before the beginning", REFUSED,
        {"endsAt": "2025-01-01T00:00:00Z"}),
    Bad("couponCreate", "an endless coupon", REFUSED, {"endsAt": "2099-01-01T00:00:00Z"}),
    Bad("couponCreate", "no uses", REFUSED, {"maxUses": 0}),
    Bad("couponCreate", "uses without an end", REFUSED, {"maxUses": 100_001}),
    Bad("couponCreate", "2^31 uses", MALFORMED, {"maxUses": 2**31}),
    Bad("couponCreate", "no uses of a customer's", REFUSED, {"maxUsesPerCustomer": 0}),
    Bad("couponCreate", "a guest's first order", REFUSED, {"firstOrder": True}),
    Bad("couponCreate", "a code of one letter", REFUSED, {"code": "A"}),
    Bad("couponCreate", "a code of 33 letters", REFUSED, {"code": "A" * 33}),
    Bad("couponCreate", "a code with a blank", REFUSED, {"code": "NO SPACES"}),
    Bad("couponCreate", "a code that is taken", REFUSED,
        {"code": lambda ask: ask.caller.own.coupon_code}),
    Bad("couponCreate", "an id of another kind for a SKU", UNKNOWN,
        {"skuIds": lambda ask: [other_kind(ask)]}),
    Bad("couponCreate", "101 SKUs", REFUSED,
        {"skuIds": [public_id("sku", new_id()) for _ in range(101)]}),
    Bad("couponCreate", "an id of another kind for a category", UNKNOWN,
        {"categoryIds": lambda ask: [other_kind(ask)]}),
    Bad("couponCreate", "an id of another kind for a tier", UNKNOWN,
        {**_FOR_A_TIER, "tierIds": lambda ask: [other_kind(ask)]}),
    Bad("couponCreate", "another shop's tier", REFUSED,
        {**_FOR_A_TIER, "tierIds": lambda ask: [desk_of(ask.town.at("rival")).tier_id]}),
    Bad("couponCreate", "a guest's tier", REFUSED, {"tierIds": lambda ask: [ask.desk.tier_id]}),
    Bad("couponCreate", "parts that are not the whole", REFUSED,
        {**_SHOP_PAYS, "payers.shareBp": 9_999}),
    Bad("couponCreate", "a part below nothing", REFUSED, {**_SHOP_PAYS, "payers.shareBp": -1}),
    Bad("couponCreate", "no such payer", MALFORMED, {**_SHOP_PAYS, "payers.kind": "THE_MOON"}),
    Bad("couponCreate", "paid by the platform", {"FORBIDDEN"},
        {**_SHOP_PAYS, "payers.kind": "PLATFORM"}),
    Bad("couponCreate", "paid by another shop", REFUSED,
        {**_SHOP_PAYS, "payers.kind": "TENANT",
         "payers.partyId": lambda ask: public_id("ten", ask.town.at("rival").shop.id)}),
    Bad("couponCreate", "a seller with a name", REFUSED,
        {**_SHOP_PAYS, "payers.partyId": lambda ask: public_id("ten", ask.caller.shop.id)}),
    *_of_any_coupon("couponCodesGenerate"),
    Bad("couponCodesGenerate", "no codes", REFUSED, {"count": 0}),
    Bad("couponCodesGenerate", "fewer than none", REFUSED, {"count": -1}),
    Bad("couponCodesGenerate", "10^9 codes", REFUSED, {"count": 10**9}),
    Bad("couponCodesGenerate", "2^31 codes", MALFORMED, {"count": 2**31}),
    Bad("couponCodesGenerate", "a prefix with a blank", REFUSED, {"prefix": "A B"}),
    Bad("couponCodesGenerate", "an endless prefix", REFUSED, {"prefix": "P" * 10_000}),
    *_of_any_coupon("couponPause"),
    *_of_any_coupon("couponResume"),
    *of_any_key("promoBudgetTopUp"),
    *of_any_amount("promoBudgetTopUp"),
    Bad("promoBudgetTopUp", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("promoBudgetTopUp", "no amount", MALFORMED, {"amount.amountMinor": OMIT}),
    Bad("promoBudgetTopUp", "more than was earned", {"INSUFFICIENT_BALANCE"},
        {"amount.amountMinor": 10**9}),
]  # fmt: skip
