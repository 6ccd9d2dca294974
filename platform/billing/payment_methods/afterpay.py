"""Afterpay, which is Clearpay in Britain, through Stripe: four parts in six weeks.

https://docs.stripe.com/payments/afterpay-clearpay
"""

from billing.payment_methods.base import Bounds
from billing.payment_methods.stripe_method import StripeMethod


class Afterpay(StripeMethod):
    """Instalments that the channel finances."""

    code = "AFTERPAY"
    stripe_type = "afterpay_clearpay"
    fee_bp = 600
    label_zh = "Afterpay 分期"
    label_en = "Afterpay, in instalments"
    modes = ("HOSTED",)
    tops_up = False
    terms = {
        "USD": Bounds(100, 400_000),
        "AUD": Bounds(100, 200_000),
        "CAD": Bounds(100, 200_000),
        "NZD": Bounds(100, 200_000),
        "GBP": Bounds(100, 120_000),
    }
    countries = ("US", "AU", "CA", "NZ", "GB")
