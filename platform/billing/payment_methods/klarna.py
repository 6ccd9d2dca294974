"""Klarna through Stripe: the buyer pays Klarna in parts, and Klarna pays us at once.

https://docs.stripe.com/payments/klarna
"""

from billing.payment_methods.base import Bounds
from billing.payment_methods.stripe_method import StripeMethod


class Klarna(StripeMethod):
    """Instalments that the channel finances: our money comes whole, at a higher fee."""

    code = "KLARNA"
    stripe_type = "klarna"
    fee_bp = 599
    label_zh = "Klarna 分期"
    label_en = "Klarna, in instalments"
    modes = ("HOSTED",)
    tops_up = False
    terms = {
        "USD": Bounds(1_000, 500_000),
        "EUR": Bounds(100, 500_000),
        "GBP": Bounds(100, 500_000),
        "AUD": Bounds(100, 200_000),
        "CAD": Bounds(100, 500_000),
    }
    countries = ("US", "GB", "DE", "AT", "NL", "FR", "ES", "IT", "IE", "BE", "FI", "AU", "CA")
