"""Bad input of whoever promises commissions, asks for them, and makes links."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, other_kind
from isolation.affiliate_holdings import program_of
from isolation.documents import OMIT
from isolation.slots import desk_of
from kernel.ids import new_id, public_id

_FIXED: Final = {"rateBp": OMIT, "fixed.amountMinor": 100, "fixed.currency": "CNY"}

AFFILIATES: Final = [
    Bad("affiliateProgramUpdate", "no name", REFUSED, {"name": ""}),
    Bad("affiliateProgramUpdate", "a name of 81 characters", REFUSED, {"name": "n" * 81}),
    Bad("affiliateProgramUpdate", "more than half", REFUSED, {"rateBp": 5_001}),
    Bad("affiliateProgramUpdate", "less than nothing", REFUSED, {"rateBp": -1}),
    Bad("affiliateProgramUpdate", "no rate", REFUSED, {"rateBp": OMIT}),
    Bad("affiliateProgramUpdate", "two rates", REFUSED, {**_FIXED, "rateBp": 1}),
    Bad("affiliateProgramUpdate", "nothing a piece", REFUSED, {**_FIXED, "fixed.amountMinor": 0}),
    Bad("affiliateProgramUpdate", "another currency", REFUSED, {**_FIXED, "fixed.currency": "USD"}),
    Bad("affiliateProgramUpdate", "tiers that earn too much", REFUSED, {"secondBp": 4_999}),
    Bad("affiliateProgramUpdate", "a third tier without a second", REFUSED,
        {"secondBp": 0, "thirdBp": 1}),
    Bad("affiliateProgramUpdate", "an endless window", REFUSED, {"windowDays": 366}),
    Bad("affiliateProgramUpdate", "an end without a zone", REFUSED,
        {"endsAt": "2041-01-01T00:00:00"}),
    Bad("affiliateProgramUpdate", "another shop's program", UNKNOWN,
        {"programId": lambda ask: program_of(ask.town.at("rival"))}),
    Bad("affiliateProgramUpdate", "an id of another kind", UNKNOWN, {"programId": other_kind}),
    Bad("affiliateProgramUpdate", "101 rates", REFUSED,
        {"rates": lambda _: [{"skuId": public_id("sku", new_id()), "rateBp": 1}] * 101}),
    Bad("affiliateProgramUpdate", "a rate for nothing", REFUSED,
        {"rates": lambda _: [{"rateBp": 1}]}),
    Bad("affiliateProgramUpdate", "a rate twice", REFUSED, {"rates": lambda ask: [
        {"skuId": public_id("sku", ask.town.goods.sku_id), "rateBp": bp} for bp in (1, 2)]}),
    Bad("affiliateProgramUpdate", "a rate for another shop's tier", UNKNOWN,
        {"rates": lambda ask: [{"tierId": desk_of(ask.town.at("rival")).tier_id, "rateBp": 1}]}),
    Bad("affiliateProgramUpdate", "support", {"FORBIDDEN"}, by="STAFF_SUPPORT"),
    Bad("affiliateJoin", "another shop's program", UNKNOWN,
        {"programId": lambda ask: program_of(ask.town.at("rival"))}),
    Bad("affiliateJoin", "no such program", UNKNOWN, {"programId": public_id("apg", new_id())}),
    Bad("affiliateJoin", "a code of two letters", REFUSED, {"code": "ab"}),
    Bad("affiliateJoin", "a code with a blank", REFUSED, {"code": "a b c"}),
    Bad("affiliateJoin", "a code that is taken", REFUSED,
        {"code": lambda ask: ask.caller.own.affiliate_code}),
    Bad("affiliateJoin", "no name", REFUSED, {"name": ""}),
    Bad("affiliateApprove", "another shop's affiliate", UNKNOWN, {"affiliateId":
        lambda ask: public_id("aff", ask.town.at("rival").people["AFFILIATE"].id)}),
    Bad("affiliateApprove", "nobody", UNKNOWN,
        {"affiliateId": lambda _: public_id("aff", new_id())}),
    Bad("affiliateApprove", "an id of another kind", UNKNOWN, {"affiliateId": other_kind}),
    Bad("affiliateApprove", "who was admitted is not rejected", REFUSED, {"decision": "REJECTED"}),
    Bad("affiliateApprove", "nobody begins to ask again", REFUSED, {"affiliateId":
        lambda ask: public_id("aff", ask.caller.own.people["AFFILIATE"].id),
        "decision": "PENDING"}),
    Bad("affiliateApprove", "no such decision", MALFORMED, {"decision": "MAYBE"}),
    Bad("affiliateSignIn", "a guest", {"FORBIDDEN"}, by="ANONYMOUS"),
    Bad("affiliateReviewDecide", "another shop's", UNKNOWN, {"reviewId":
        lambda ask: public_id("arv", ask.town.at("rival").affiliate_review)}),
    Bad("affiliateReviewDecide", "an id of another kind", UNKNOWN, {"reviewId": other_kind}),
    Bad("affiliateReviewDecide", "no decision", REFUSED, {"decision": "OPEN"}),
    Bad("affiliateReviewDecide", "no note", REFUSED, {"note": " "}),
    Bad("affiliateReviewDecide", "an endless note", REFUSED, {"note": "n" * 501}),
    Bad("affiliateReviewDecide", "support", {"FORBIDDEN"}, by="STAFF_SUPPORT"),
    Bad("appealCreate", "another shop's", UNKNOWN, {"reviewId":
        lambda ask: public_id("arv", ask.town.at("rival").affiliate_review)}),
    Bad("appealCreate", "nobody's", UNKNOWN, {"reviewId": lambda _: public_id("arv", new_id())}),
    Bad("appealCreate", "nothing to say", REFUSED, {"text": ""}),
    Bad("appealCreate", "an endless appeal", REFUSED, {"text": "t" * 501}),
    Bad("linkCreate", "no such product", UNKNOWN,
        {"productId": lambda _: public_id("prd", new_id())}),
    Bad("linkCreate", "a foreign address", UNKNOWN, {"productId": "https://evil.example/"}),
    Bad("linkCreate", "a sub-id with a blank", REFUSED, {"subId": "a b"}),
    Bad("linkCreate", "a sub-id of 65 letters", REFUSED, {"subId": "s" * 65}),
    Bad("linkCreate", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
]  # fmt: skip
