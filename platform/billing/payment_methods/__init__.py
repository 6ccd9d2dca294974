"""The ways to pay: one file each, and this one list.

A customer's wallet and a shop's trade balance are not here: they have no channel to ask
(`billing/payments.py`).
"""

from collections.abc import Sequence
from typing import Final

from billing.payment_methods.alipay import Alipay
from billing.payment_methods.base import PaymentMethod
from billing.payment_methods.card import Card
from billing.payment_methods.wechat_pay import WeChatPay

WALLET: Final = "WALLET"
TRADE: Final = "TRADE"

_ALL: tuple[PaymentMethod, ...] = (Card(), Alipay(), WeChatPay())
METHODS: Final[dict[str, PaymentMethod]] = {method.code: method for method in _ALL}


def dearest_fee_bp(codes: Sequence[str]) -> int:
    """The highest channel fee, in basis points, among the methods that a shop accepts."""
    return max((METHODS[code].fee_bp for code in codes if code in METHODS), default=0)
