"""Affirm through Stripe: large amounts in monthly parts, in the United States and Canada.

https://docs.stripe.com/payments/affirm
"""

from billing.payment_methods.base import Bounds
from billing.payment_methods.stripe_method import StripeMethod


class Affirm(StripeMethod):
    """Instalments that the channel finances."""

    code = "AFFIRM"
    stripe_type = "affirm"
    fee_bp = 600
    label_zh = "Affirm 分期"
    label_en = "Affirm, in instalments"
    modes = ("HOSTED",)
    tops_up = False
    terms = {"USD": Bounds(5_000, 3_000_000), "CAD": Bounds(5_000, 3_000_000)}
    countries = ("US", "CA")
