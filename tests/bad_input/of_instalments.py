"""Bad input about paying in parts."""

from typing import Final

from bad_input.rows import (
    MALFORMED,
    REFUSED,
    UNKNOWN,
    Bad,
    of_any_amount,
    of_any_key,
)
from isolation.documents import OMIT

NOT_OFFERED: Final = {"INSTALMENTS_NOT_OFFERED"}
INSTALMENTS: Final = [
    *of_any_key("instalmentStart"),
    *of_any_key("instalmentPay"),
    *of_any_key("instalmentPlanEnd"),
    *of_any_amount("instalmentTermsSet", "leastAmount"),
    Bad("instalmentStart", "no part", NOT_OFFERED, {"parts": 0}),
    Bad("instalmentStart", "13 parts", NOT_OFFERED, {"parts": 13}),
    Bad("instalmentStart", "2^31 parts", MALFORMED, {"parts": 2**31}),
    Bad("instalmentStart", "another amount", {"PRICE_CHANGED"}, {"amount.amountMinor": 1}),
    Bad("instalmentStart", "another currency", REFUSED, {"amount.currency": "USD"}),
    Bad("instalmentStart", "credit on credit", REFUSED, {"method": "KLARNA"}),
    Bad("instalmentStart", "another shop's order", UNKNOWN,
        {"orderNo": lambda ask: ask.town.at("rival").customers["payable in parts"].no}),
    Bad("instalmentStart", "an order that is paid", REFUSED,
        {"orderNo": lambda ask: ask.caller.own.customers["delivered"].no}),
    Bad("instalmentStart", "no such mode", MALFORMED, {"mode": "PIGEON"}),
    Bad("instalmentPay", "a wallet on a page", REFUSED, {"method": "WALLET", "mode": "HOSTED"}),
    Bad("instalmentPay", "an order that is paid", REFUSED,
        {"orderNo": lambda ask: ask.caller.own.customers["delivered"].no}),
    Bad("instalmentPay", "another currency", REFUSED, {"amount.currency": "USD"}),
    Bad("instalmentPay", "another amount", {"PRICE_CHANGED"}, {"amount.amountMinor": 1}),
    Bad("instalmentPay", "another shop's order", UNKNOWN,
        {"orderNo": lambda ask: ask.town.at("rival").customers["in parts"].no}),
    Bad("instalmentPlanEnd", "an order without a plan", REFUSED,
        {"orderNo": lambda ask: ask.caller.own.customers["delivered"].no}),
    Bad("instalmentsOffer", "neither", MALFORMED, {"isOffered": OMIT}),
    Bad("instalmentTermsSet", "one part", REFUSED, {"mostParts": 1}),
    Bad("instalmentTermsSet", "13 parts", REFUSED, {"mostParts": 13}),
    Bad("instalmentTermsSet", "nothing at first", REFUSED, {"firstBp": 0}),
    Bad("instalmentTermsSet", "a part every century", REFUSED, {"intervalDays": 36_500}),
    Bad("instalmentTermsSet", "a reward", REFUSED, {"feeBp": -1}),
]  # fmt: skip
