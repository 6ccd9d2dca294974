"""Bad input of whoever buys at cost and pays ahead."""

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
from kernel.ids import new_id, public_id

TRADE: Final = [
    *of_any_key("purchaseAtCost"),
    Bad("purchaseAtCost", "no pieces", REFUSED, {"lines.quantity": 0}),
    Bad("purchaseAtCost", "fewer than none", REFUSED, {"lines.quantity": -1}),
    Bad("purchaseAtCost", "more than an order may have", REFUSED, {"lines.quantity": 501}),
    Bad("purchaseAtCost", "2^31 pieces", MALFORMED, {"lines.quantity": 2**31}),
    Bad("purchaseAtCost", "a product's id for a SKU's", UNKNOWN, {"lines.skuId": other_kind}),
    Bad("purchaseAtCost", "no such SKU", UNKNOWN,
        {"lines.skuId": lambda _: public_id("sku", new_id())}),
    Bad("purchaseAtCost", "a SKU that this shop hides", UNKNOWN,
        {"lines.skuId": lambda ask: public_id("sku", ask.town.hidden.sku_id)}),
    Bad("purchaseAtCost", "an old price", {"PRICE_CHANGED"}, {"maxTotal.amountMinor": 1}),
    Bad("purchaseAtCost", "another currency", REFUSED, {"maxTotal.currency": "USD"}),
    Bad("purchaseAtCost", "an endless reference", REFUSED, {"clientReference": "r" * 10_000}),
    Bad("purchaseAtCost", "no such delivery", MALFORMED, {"deliver": "YESTERDAY"}),
    *of_any_key("tradeBalanceTopUp"),
    *of_any_amount("tradeBalanceTopUp"),
    Bad("tradeBalanceTopUp", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("tradeBalanceTopUp", "from a wallet", REFUSED, {"method": "WALLET"}),
    *of_any_key("tradeBalanceCredit"),
    *of_any_amount("tradeBalanceCredit"),
    Bad("tradeBalanceCredit", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("tradeBalanceCredit", "no reference", REFUSED, {"bankReference": ""}),
    Bad("tradeBalanceCredit", "a blank reference", REFUSED, {"bankReference": " "}),
    Bad("tradeBalanceCredit", "an endless reference", REFUSED, {"bankReference": "b" * 10_000}),
    Bad("tradeBalanceCredit", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    *of_any_key("transferToChild"),
    *of_any_amount("transferToChild"),
    Bad("transferToChild", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("transferToChild", "no such shop", UNKNOWN, {"childSlug": "nobody"}),
    Bad("transferToChild", "a shop beside this one", UNKNOWN, {"childSlug": "rival"}),
    Bad("transferToChild", "the shop above", UNKNOWN, {"childSlug": "agent"}),
    Bad("transferToChild", "more than there is", {"INSUFFICIENT_BALANCE"},
        {"amount.amountMinor": 600_000_000}),
    *of_any_amount("lowBalanceSet", "threshold"),
    Bad("settlementModeSet", "no such mode", MALFORMED, {"mode": "BARTER"}),
    Bad("settlementModeSet", "no mode", MALFORMED, {"mode": OMIT}),
    Bad("settlementModeSet", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("paymentMethodSet", "no such method", MALFORMED, {"method": "BARTER"}),
    Bad("paymentMethodSet", "a method that is off", REFUSED, {"method": "STABLECOIN"}),
    Bad("paymentMethodSet", "a method of other currencies", REFUSED, {"method": "AFTERPAY"}),
    Bad("paymentMethodSet", "who may not", {"FORBIDDEN"}, by="STAFF_SUPPORT"),
]  # fmt: skip
