"""The ways to pay that a shop offers."""

from enum import Enum

import strawberry

from billing.payment_methods import METHODS, WALLET
from schema.context import Context


@strawberry.enum
class PaymentMethodCode(Enum):
    """A way to pay."""

    WALLET = "WALLET"
    CARD = "CARD"
    ALIPAY = "ALIPAY"
    WECHAT_PAY = "WECHAT_PAY"


@strawberry.type
class PaymentMethodOption:
    """A way to pay, with its name in the caller's language."""

    code: PaymentMethodCode
    label: str


def offered_methods(context: Context) -> list[PaymentMethodOption]:
    """List what the shop accepts; the wallet only for a signed-in customer, and nothing where
    buyers pay the shop itself."""
    if context.shop.prepaid:
        return []
    options = []
    for code in context.shop.payment_methods:
        if code == WALLET:
            if context.customer_id is None:
                continue
            label = context.words("余额", "Wallet")
        else:
            label = context.words(METHODS[code].label_zh, METHODS[code].label_en)
        options.append(PaymentMethodOption(code=PaymentMethodCode(code), label=label))
    return options
