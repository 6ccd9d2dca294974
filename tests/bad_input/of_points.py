"""Bad input of whoever runs a points program."""

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
from kernel.ids import new_id, public_id

POINTS: Final = [
    *of_any_amount("pointsProgramUpsert", "pointValue"),
    Bad("pointsProgramUpsert", "points that are worth nothing", REFUSED,
        {"pointValue.amountMinor": 0}),
    Bad("pointsProgramUpsert", "points that are worth a fortune", REFUSED,
        {"pointValue.amountMinor": 1_000_001}),
    Bad("pointsProgramUpsert", "points that are worth more than before", REFUSED,
        {"pointValue.amountMinor": 2}),
    Bad("pointsProgramUpsert", "more points than money", REFUSED, {"earnBp": 10_001}),
    Bad("pointsProgramUpsert", "points that are taken for buying", REFUSED, {"earnBp": -1}),
    Bad("pointsProgramUpsert", "more than the order", REFUSED, {"mostBp": 10_001}),
    Bad("pointsProgramUpsert", "less than nothing of the order", REFUSED, {"mostBp": -1}),
    Bad("pointsProgramUpsert", "points without a day", REFUSED, {"lastsDays": 0}),
    Bad("pointsProgramUpsert", "points for ever", REFUSED, {"lastsDays": 3_651}),
    Bad("pointsProgramUpsert", "2^31 days", MALFORMED, {"lastsDays": 2**31}),
    Bad("pointsProgramUpsert", "no points at once", REFUSED, {"leastPoints": 0}),
    *of_any_key("pointsAdjust"),
    Bad("pointsAdjust", "no points", REFUSED, {"points": 0}),
    Bad("pointsAdjust", "2^31 points", MALFORMED, {"points": 2**31}),
    Bad("pointsAdjust", "too many at once", REFUSED, {"points": 10**9 + 1}),
    Bad("pointsAdjust", "more than the shop has earned", {"INSUFFICIENT_BALANCE"},
        {"points": 10**9}),
    Bad("pointsAdjust", "more than the customer has", {"POINTS_NOT_APPLICABLE"},
        {"points": -(10**9)}),
    Bad("pointsAdjust", "no reason", REFUSED, {"reason": ""}),
    Bad("pointsAdjust", "a reason of 201 characters", REFUSED, {"reason": "r" * 201}),
    Bad("pointsAdjust", "a reason with control characters", REFUSED, {"reason": "a\x1bb"}),
    Bad("pointsAdjust", "another shop's customer", UNKNOWN,
        {"customerId": lambda ask: public_id("cus", ask.town.at("rival").people["CUSTOMER"].id)}),
    Bad("pointsAdjust", "no such customer", UNKNOWN,
        {"customerId": lambda _: public_id("cus", new_id())}),
    Bad("pointsAdjust", "an id of another kind", UNKNOWN, {"customerId": other_kind}),
]  # fmt: skip
