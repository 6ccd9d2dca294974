"""The ways to pay: one file each, and this one list.

A customer's wallet, a shop's trade balance and the platform's own instalment plan are not here:
they have no channel to ask (`billing/payments.py`).
"""

from collections.abc import Sequence
from typing import Final

from billing.payment_methods.affirm import Affirm
from billing.payment_methods.afterpay import Afterpay
from billing.payment_methods.alipay import Alipay
from billing.payment_methods.bank_transfer import BankTransfer
from billing.payment_methods.base import CardKeeper, PaymentMethod
from billing.payment_methods.card import Card
from billing.payment_methods.klarna import Klarna
from billing.payment_methods.stablecoin import Stablecoin
from billing.payment_methods.unionpay import UnionPay
from billing.payment_methods.wechat_pay import WeChatPay

WALLET: Final = "WALLET"
TRADE: Final = "TRADE"
INSTALMENT: Final = "INSTALMENT"
"""The platform's own plan, which pays an order; its parts are paid by the others."""
BANK_TRANSFER: Final = BankTransfer.code

_CARD = Card()
_ALL: tuple[PaymentMethod, ...] = (
    _CARD,
    Alipay(),
    WeChatPay(),
    UnionPay(),
    Klarna(),
    Affirm(),
    Afterpay(),
    Stablecoin(),
    BankTransfer(),
)
METHODS: Final[dict[str, PaymentMethod]] = {method.code: method for method in _ALL}
CARD_KEEPERS: Final[dict[str, CardKeeper]] = {_CARD.code: _CARD}
"""The methods whose cards can be kept."""


def dearest_fee_bp(codes: Sequence[str]) -> int:
    """The highest channel fee, in basis points, among the methods that a shop accepts."""
    return max((METHODS[code].fee_bp for code in codes if code in METHODS), default=0)
