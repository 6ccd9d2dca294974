"""The ways to pay that a shop offers."""

from enum import Enum

import strawberry

from billing.payment_methods import BANK_TRANSFER, METHODS, WALLET
from orders import ways_to_pay
from schema.context import Context


@strawberry.enum
class PaymentMethodCode(Enum):
    """A way to pay."""

    WALLET = "WALLET"
    CARD = "CARD"
    ALIPAY = "ALIPAY"
    WECHAT_PAY = "WECHAT_PAY"
    BANK_TRANSFER = "BANK_TRANSFER"
    UNIONPAY = "UNIONPAY"
    KLARNA = "KLARNA"
    AFFIRM = "AFFIRM"
    AFTERPAY = "AFTERPAY"
    STABLECOIN = "STABLECOIN"


@strawberry.enum
class PaymentMode(Enum):
    """Where a payment is made: with the channel's script on a page of the shop's, or on a page of
    the channel's."""

    ELEMENTS = "ELEMENTS"
    HOSTED = "HOSTED"


@strawberry.type
class PaymentMethodOption:
    """A way to pay, with its name in the caller's language.

    `modes` are where it can be paid, the first unless another is asked for; `countries` where its
    buyers live, empty for everywhere; `topsUp` whether a balance may be filled with it.
    """

    code: PaymentMethodCode
    label: str
    modes: list[PaymentMode] = strawberry.field(metadata={"assumed_size": 2})
    countries: list[str] = strawberry.field(metadata={"assumed_size": 10})
    tops_up: bool


def offered_methods(
    context: Context, *, amount_minor: int | None = None
) -> list[PaymentMethodOption]:
    """List what the shop accepts, for so much where an amount is given; the wallet and
    transfers only for a signed-in customer, and nothing where buyers pay the shop itself."""
    if context.shop.prepaid:
        return []
    codes = ways_to_pay.offered(context.shop, amount_minor=amount_minor)
    return [
        _option(context, code)
        for code in codes
        if code not in (WALLET, BANK_TRANSFER) or context.customer_id is not None
    ]


def _option(context: Context, code: str) -> PaymentMethodOption:
    if code == WALLET:
        return PaymentMethodOption(
            code=PaymentMethodCode.WALLET,
            label=context.words("余额", "Wallet"),
            modes=[],
            countries=[],
            tops_up=False,
        )
    method = METHODS[code]
    return PaymentMethodOption(
        code=PaymentMethodCode(code),
        label=context.words(method.label_zh, method.label_en),
        modes=[PaymentMode(mode) for mode in method.modes],
        countries=list(method.countries),
        tops_up=method.tops_up,
    )
