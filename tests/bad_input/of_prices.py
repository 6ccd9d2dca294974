"""Bad input of the price desk."""

from collections.abc import Callable
from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_amount, other_kind
from isolation.neighbours import PriceDesk
from isolation.slots import Ask, desk_of
from kernel.ids import new_id, public_id


def _rivals(of: Callable[[PriceDesk], str]) -> Callable[[Ask], str]:
    return lambda ask: of(desk_of(ask.town.at("rival")))


def _of_any_id(mutation: str, name: str, kind: str, theirs: Callable[[Ask], str]) -> list[Bad]:
    return [
        Bad(mutation, f"another shop's {name}", UNKNOWN, {name: theirs}),
        Bad(mutation, f"no such {name}", UNKNOWN, {name: lambda _: public_id(kind, new_id())}),
        Bad(mutation, f"an id of another kind for {name}", UNKNOWN, {name: other_kind}),
    ]


def _of_any_sku(mutation: str, name: str = "skuId") -> list[Bad]:
    return [
        Bad(mutation, "no such SKU", UNKNOWN, {name: lambda _: public_id("sku", new_id())}),
        Bad(mutation, "a product's id for a SKU's", UNKNOWN, {name: other_kind}),
    ]


def _of_any_time(mutation: str) -> list[Bad]:
    return [
        Bad(mutation, "no time", MALFORMED, {"startsAt": "tomorrow"}),
        Bad(mutation, "a time without a zone", REFUSED, {"startsAt": "2040-01-01T00:00:00"}),
        Bad(mutation, "a time before all time", REFUSED,
            {"startsAt": "0001-01-01T00:00:00+14:00"}),
        Bad(mutation, "an end before the beginning", REFUSED, {"endsAt": "2039-01-01T00:00:00Z"}),
    ]  # fmt: skip


_RULE = _rivals(lambda desk: desk.rule_ids["STAFF_OWNER"])
_GRADE = _rivals(lambda desk: desk.grade_id)
_TIER = _rivals(lambda desk: desk.tier_id)
_PROMOTION = _rivals(lambda desk: desk.promotion_id)
_UPLOAD = _rivals(lambda desk: desk.upload_id)

PRICES: Final = [
    *_of_any_sku("priceRuleUpsert"),
    *_of_any_time("priceRuleUpsert"),
    *_of_any_id("priceRuleUpsert", "ruleId", "rul", _RULE),
    *_of_any_id("priceRuleUpsert", "forId", "tir", _TIER),
    Bad("priceRuleUpsert", "a value of 2^53", MALFORMED, {"value": 2**53}),
    Bad("priceRuleUpsert", "a value below nothing", REFUSED, {"value": -(2**52)}),
    Bad("priceRuleUpsert", "no such kind", MALFORMED, {"kind": "BY_MOOD"}),
    Bad("priceRuleUpsert", "a fixed price of everything", REFUSED,
        {"scope": "DEFAULT", "kind": "ABSOLUTE", "minQuantity": 1}),
    Bad("priceRuleUpsert", "a category that is not there", UNKNOWN,
        {"scope": "CATEGORY", "categorySlug": "nowhere", "minQuantity": 1}),
    Bad("priceRuleUpsert", "from no piece on", REFUSED, {"minQuantity": 0}),
    Bad("priceRuleUpsert", "a unit of 7", REFUSED, {"unitMinor": 7}),
    Bad("priceRuleUpsert", "a buyers' tier among agents", REFUSED, {"audience": "WHOLESALE"}),
    *_of_any_id("priceRuleDelete", "ruleId", "rul", _RULE),
    *_of_any_sku("secretPriceSet"),
    *_of_any_time("secretPriceSet"),
    *of_any_amount("secretPriceSet", "price"),
    *_of_any_id("secretPriceSet", "customerId", "cus",
        lambda ask: public_id("cus", ask.town.at("rival").people["CUSTOMER"].id)),
    Bad("secretPriceSet", "for a child and a customer", REFUSED,
        {"child": lambda ask: ask.desk.child_slug}),
    *_of_any_id("agentGradeUpsert", "gradeId", "grd", _GRADE),
    *of_any_amount("agentGradeUpsert", "openFee"),
    Bad("agentGradeUpsert", "no name", REFUSED, {"name": ""}),
    Bad("agentGradeUpsert", "a name with control characters", REFUSED, {"name": "a\x1bb"}),
    Bad("agentGradeUpsert", "no rank", REFUSED, {"rank": 0}),
    *_of_any_id("childTenantSetGrade", "gradeId", "grd", _GRADE),
    *of_any_amount("childTenantSetGrade", "expectedFee"),
    Bad("childTenantSetGrade", "no such child", UNKNOWN, {"child": "nobody"}),
    Bad("childTenantSetGrade", "a shop beside this one", UNKNOWN, {"child": "rival"}),
    *_of_any_id("tierUpsert", "tierId", "tir", _TIER),
    *of_any_amount("tierUpsert", "spent"),
    Bad("tierUpsert", "no name", REFUSED, {"name": ""}),
    Bad("tierUpsert", "no rank", REFUSED, {"rank": 0}),
    Bad("tierUpsert", "an amount without a time", REFUSED, {"windowDays": None}),
    Bad("tierUpsert", "a window of four years", REFUSED, {"windowDays": 1461}),
    Bad("tierUpsert", "an endless grace", REFUSED, {"graceDays": 366}),
    Bad("tierUpsert", "fewer unpaid orders than everybody", REFUSED, {"maxUnpaidOrders": 20}),
    Bad("tierUpsert", "a priority of 101", REFUSED, {"priority": 101}),
    Bad("tierUpsert", "a discount of everything", REFUSED, {"discountBp": 10_000}),
    *_of_any_id("tierRemove", "tierId", "tir", _TIER),
    *_of_any_id("customerTierSet", "tierId", "tir", _TIER),
    *_of_any_id("customerTierSet", "customerId", "cus",
        lambda ask: public_id("cus", ask.town.at("rival").people["CUSTOMER"].id)),
    Bad("customerTierSet", "an end that has passed", REFUSED, {"until": "2020-01-01T00:00:00Z"}),
    Bad("customerTierSet", "an end without a zone", REFUSED, {"until": "2040-01-01T00:00:00"}),
    *_of_any_sku("retailFloorSet"),
    *of_any_amount("retailFloorSet", "floor"),
    Bad("retailFloorSet", "a floor of nothing", REFUSED, {"floor.amountMinor": 0}),
    *of_any_amount("leastMarginSet"),
    *_of_any_id("promotionUpsert", "promotionId", "prm", _PROMOTION),
    *_of_any_sku("promotionUpsert", "lines.skuId"),
    *_of_any_time("promotionUpsert"),
    Bad("promotionUpsert", "no name", REFUSED, {"name": ""}),
    Bad("promotionUpsert", "a line's value of 2^53", MALFORMED, {"lines.value": 2**53}),
    *_of_any_id("promotionPause", "promotionId", "prm", _PROMOTION),
    *_of_any_sku("listingUpsert"),
    Bad("listingUpsert", "an endless title", REFUSED, {"title": "t" * 10_000}),
    Bad("listingUpsert", "a position before the first", REFUSED, {"position": -1}),
    Bad("listingUpsert", "a position behind the last", REFUSED, {"position": 1_000_001}),
    *_of_any_sku("listingBulkUpsert", "listings.skuId"),
    Bad("listingBulkUpsert", "an endless title", REFUSED, {"listings.title": "t" * 10_000}),
    Bad("priceListUploadStart", "no such format", MALFORMED, {"format": "EXE"}),
    *_of_any_id("priceListImport", "uploadId", "plf", _UPLOAD),
]  # fmt: skip
