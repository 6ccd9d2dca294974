"""Bad input of whoever refunds whole orders, and of operators who decide about earnings."""

from typing import Final

from bad_input.rows import (
    MALFORMED,
    REFUSED,
    UNKNOWN,
    Bad,
    of_any_key,
    other_kind,
)
from isolation.documents import OMIT
from kernel.ids import new_id, public_id


def _lines(**changes: object) -> dict[str, object]:
    return {
        "lines": lambda ask: [
            {"lineId": ask.caller.orders["delivered"].line_id, "reason": "GOODWILL", **changes}
        ]
    }


EARNINGS: Final = [
    *of_any_key("orderRefund"),
    Bad("orderRefund", "another shop's order", UNKNOWN,
        {"orderNo": lambda ask: ask.town.at("rival").customers["delivered"].no}),
    Bad("orderRefund", "an unpaid order", REFUSED,
        {"orderNo": lambda ask: ask.caller.orders["pending"].no}),
    Bad("orderRefund", "neither lines nor a reason", REFUSED, {"lines": OMIT}),
    Bad("orderRefund", "both lines and a reason", REFUSED, {"reason": "GOODWILL"}),
    Bad("orderRefund", "no lines", REFUSED, {"lines": []}),
    Bad("orderRefund", "a line twice", REFUSED,
        {"lines": lambda ask: [{"lineId": ask.caller.orders["delivered"].line_id,
                                "reason": "GOODWILL"}] * 2}),
    Bad("orderRefund", "101 lines", REFUSED,
        {"lines": lambda ask: [{"lineId": ask.caller.orders["delivered"].line_id,
                                "reason": "GOODWILL"}] * 101}),
    Bad("orderRefund", "another shop's line", UNKNOWN,
        {"lines": lambda ask: [{"lineId": ask.town.at("rival").customers["delivered"].line_id,
                                "reason": "GOODWILL"}]}),
    Bad("orderRefund", "nothing", REFUSED,
        _lines(amount={"amountMinor": 0, "currency": "CNY"})),
    Bad("orderRefund", "less than nothing", REFUSED,
        _lines(amount={"amountMinor": -1, "currency": "CNY"})),
    Bad("orderRefund", "more than was paid", REFUSED,
        _lines(amount={"amountMinor": 2**53 - 1, "currency": "CNY"})),
    Bad("orderRefund", "another currency", REFUSED,
        _lines(amount={"amountMinor": 1, "currency": "USD"})),
    Bad("orderRefund", "a fault, by the shop", {"FORBIDDEN"}, _lines(reason="SHOP_FAULT")),
    Bad("orderRefund", "no such destination", MALFORMED, {"destination": "MOON"}),
    Bad("earningTermsSet", "less than no time", REFUSED, {"holdHours": -1}),
    Bad("earningTermsSet", "more than a year", REFUSED, {"holdHours": 8_761}),
    Bad("earningTermsSet", "2^31 hours", MALFORMED, {"holdHours": 2**31}),
    Bad("earningTermsSet", "more than a year for cards", REFUSED, {"cardHours": 8_761}),
    Bad("earningTermsSet", "a tenant that is trusted", REFUSED, {"redeemedHours": 24}),
    Bad("earningTermsSet", "all suppliers trusted", REFUSED,
        {"party": "SUPPLIER", "ownerId": OMIT, "redeemedHours": 24}),
    Bad("earningTermsSet", "nobody", UNKNOWN, {"ownerId": lambda _: public_id("ten", new_id())}),
    Bad("earningTermsSet", "an id of another kind", UNKNOWN, {"ownerId": other_kind}),
    Bad("batchCompensate", "no such batch", UNKNOWN,
        {"batchId": lambda _: public_id("bat", new_id())}),
    Bad("batchCompensate", "an id of another kind", UNKNOWN, {"batchId": other_kind}),
    Bad("batchCompensate", "a reward", REFUSED, {"penaltyBp": -1}),
    Bad("batchCompensate", "more than all", REFUSED, {"penaltyBp": 10_001}),
    Bad("batchCompensate", "what is yet to be delivered", REFUSED,
        {"deliveredSince": "2100-01-01T00:00:00Z"}),
    Bad("batchCompensate", "a time without a zone", REFUSED,
        {"deliveredSince": "2026-01-01T00:00:00"}),
]  # fmt: skip
