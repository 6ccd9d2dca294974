"""Bad input of whoever delivers by hand, of its buyers, and of who says how goods are delivered."""

from typing import Any, Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_amount, of_any_key, other_kind
from kernel.ids import new_id, public_id

_WRONG_STATE: Final = {"WRONG_STATE"}


def _of_any_line(mutation: str) -> list[Bad]:
    nobodys = {"lineId": lambda _: public_id("lin", new_id())}
    of_keys = {"lineId": lambda ask: ask.caller.own.customers["delivered"].line_id}
    return [
        Bad(mutation, "no such line", UNKNOWN, nobodys),
        Bad(mutation, "a line that came out of the pool", UNKNOWN, of_keys),
        Bad(mutation, "an id of another kind", UNKNOWN, {"lineId": other_kind}),
    ]


def _field(name: str, value: Any) -> dict[str, Any]:
    return {f"fields.{name}": value}


DELIVERIES: Final = [
    *_of_any_line("manualBegin"),
    Bad("manualBegin", "too late", _WRONG_STATE, clock="61 minutes"),
    *_of_any_line("manualDeliver"),
    *of_any_key("manualDeliver"),
    Bad("manualDeliver", "nothing", REFUSED, {"contents": []}),
    Bad("manualDeliver", "too little", REFUSED, {"contents": ["one"]}),
    Bad("manualDeliver", "the same twice", {"DUPLICATE_KEY"}, {"contents": ["same", "same"]}),
    Bad("manualDeliver", "an empty piece", REFUSED, {"contents": ["one", " "]}),
    Bad("manualDeliver", "an endless piece", REFUSED, {"contents": ["one", "x" * 2_001]}),
    Bad("manualDeliver", "control characters", REFUSED, {"contents": ["one", "a\x1bb"]}),
    Bad("manualDeliver", "101 pieces", REFUSED, {"contents": ["x"] * 101}),
    Bad("manualDeliver", "an endless note", REFUSED, {"note": "n" * 501}),
    Bad("manualDeliver", "too late", _WRONG_STATE, clock="61 minutes"),
    *_of_any_line("manualCorrectionAsk"),
    Bad("manualCorrectionAsk", "nothing to correct", REFUSED, {"fields": []}),
    Bad("manualCorrectionAsk", "what was never asked", REFUSED, {"fields": ["password"]}),
    Bad("manualCorrectionAsk", "101 fields", REFUSED, {"fields": ["note"] * 101}),
    Bad("manualCorrectionAsk", "no reason", REFUSED, {"message": ""}),
    Bad("manualCorrectionAsk", "an endless reason", REFUSED, {"message": "m" * 501}),
    *_of_any_line("manualRefuse"),
    *of_any_key("manualRefuse"),
    Bad("manualRefuse", "no reason", REFUSED, {"reason": " "}),
    Bad("manualRefuse", "an endless reason", REFUSED, {"reason": "r" * 501}),
    Bad("stockDeclare", "fewer than none", REFUSED, {"quantity": -1}),
    Bad("stockDeclare", "more than there may be", REFUSED, {"quantity": 1_001}),
    Bad("stockDeclare", "2^31", MALFORMED, {"quantity": 2**31}),
    Bad("stockDeclare", "a listing of keys", UNKNOWN,
        {"listingId": lambda ask: public_id("ofr", ask.town.goods.listing_id)}),
    Bad("stockDeclare", "another supplier's listing", UNKNOWN,
        {"listingId": lambda ask: public_id("ofr", ask.town.hidden.listing_id)}),
    Bad("stockDeclare", "an id of another kind", UNKNOWN, {"listingId": other_kind}),
    Bad("supplierListingUpsert", "no such supplier", UNKNOWN,
        {"supplierId": lambda _: public_id("sup", new_id())}),
    Bad("supplierListingUpsert", "no such SKU", UNKNOWN,
        {"skuId": lambda _: public_id("sku", new_id())}),
    Bad("supplierListingUpsert", "a supplier of another kind", UNKNOWN, {"supplierId": other_kind}),
    *of_any_amount("supplierListingUpsert", "supplyPrice"),
    Bad("supplierListingUpsert", "for nothing", REFUSED, {"supplyPrice.amountMinor": 0}),
    Bad("supplierListingUpsert", "a warranty of the past", REFUSED, {"warrantyHours": -1}),
    Bad("supplierListingUpsert", "an endless warranty", REFUSED, {"warrantyHours": 87_601}),
    Bad("supplierListingUpsert", "2^31", MALFORMED, {"warrantyHours": 2**31}),
    *_of_any_line("orderLineCorrect"),
    Bad("orderLineCorrect", "no values", REFUSED, {"values": []}),
    Bad("orderLineCorrect", "what was not asked", REFUSED, {"values.fieldName": "side"}),
    Bad("orderLineCorrect", "an endless value", REFUSED, {"values.value": "v" * 201}),
    Bad("orderLineCorrect", "another shop's order", UNKNOWN,
        {"orderNo": lambda ask: ask.town.at("rival").customers["by hand"].no}),
    Bad("orderLineCorrect", "too late", _WRONG_STATE, clock="61 minutes"),
    *_of_any_line("orderLineCancel"),
    *of_any_key("orderLineCancel"),
    Bad("orderLineCancel", "another shop's order", UNKNOWN,
        {"orderNo": lambda ask: ask.town.at("rival").customers["by hand"].no}),
    Bad("orderLineCancel", "a guest's order without its token", UNKNOWN,
        {"orderNo": lambda ask: ask.caller.own.guests["by hand"].no}),
    Bad("skuFormDefine", "no such SKU", UNKNOWN, {"skuId": lambda _: public_id("sku", new_id())}),
    Bad("skuFormDefine", "13 fields", REFUSED,
        {"fields": [{"name": f"f{n}", "kind": "TEXT", "labelZh": "它"} for n in range(13)]}),
    Bad("skuFormDefine", "two of one name", REFUSED,
        {"fields": [{"name": "it", "kind": "TEXT", "labelZh": "它"}] * 2}),
    Bad("skuFormDefine", "a name with capitals", REFUSED, _field("name", "Note")),
    Bad("skuFormDefine", "no words", REFUSED, _field("labelZh", "")),
    Bad("skuFormDefine", "words with control characters", REFUSED, _field("labelZh", "a\x1bb")),
    Bad("skuFormDefine", "a value of no length", REFUSED, _field("minLength", 0)),
    Bad("skuFormDefine", "an endless value", REFUSED, _field("maxLength", 201)),
    Bad("skuFormDefine", "a text with a pattern", REFUSED, _field("pattern", "a")),
    Bad("skuFormDefine", "a choice among nothing", REFUSED, _field("kind", "SELECT")),
    Bad("skuFormDefine", "a choice without a word", REFUSED,
        {"fields": [{"name": "it", "kind": "SELECT", "labelZh": "它",
                     "choices": [{"value": "a", "labelZh": ""}]}]}),
    Bad("skuFormDefine", "51 choices", REFUSED,
        {"fields": [{"name": "it", "kind": "SELECT", "labelZh": "它",
                     "choices": [{"value": f"{n}", "labelZh": "它"} for n in range(51)]}]}),
    Bad("skuFormDefine", "no such kind", MALFORMED, _field("kind", "SONG")),
    Bad("skuDeliveryUpdate", "no such SKU", UNKNOWN,
        {"skuId": lambda _: public_id("sku", new_id())}),
    Bad("skuDeliveryUpdate", "no seats", REFUSED, {"seats": 0}),
    Bad("skuDeliveryUpdate", "101 seats", REFUSED, {"seats": 101, "deliveryMode": "SHARED_KEY"}),
    Bad("skuDeliveryUpdate", "seats of a key for one", REFUSED, {"seats": 2}),
    Bad("skuDeliveryUpdate", "in four minutes", REFUSED, {"manualMinutes": 4}),
    Bad("skuDeliveryUpdate", "after a week", REFUSED, {"manualMinutes": 10_081}),
    Bad("skuDeliveryUpdate", "by hand, whenever", REFUSED,
        {"deliveryMode": "MANUAL", "manualMinutes": None}),
    Bad("skuDeliveryUpdate", "no such way", MALFORMED, {"deliveryMode": "BY_PIGEON"}),
    Bad("quickBuy", "a way that the goods do not go", {"DELIVERY_MODE_NOT_ALLOWED"},
        {"deliveryMode": "DIRECT_TOPUP"}),
    Bad("cartLinesAdd", "a way that the goods do not go", {"DELIVERY_MODE_NOT_ALLOWED"},
        {"lines.deliveryMode": "PHYSICAL"}),
]  # fmt: skip
