"""Stablecoins through Stripe, where the platform has switched them on.

https://docs.stripe.com/payments/stablecoin-payments
"""

from billing.payment_methods.base import Bounds
from billing.payment_methods.stripe_method import StripeMethod
from kernel.settings import settings


class Stablecoin(StripeMethod):
    """A coin that is worth a dollar; Stripe pays us dollars, and refunds in the coin."""

    code = "STABLECOIN"
    stripe_type = "crypto"
    fee_bp = 150
    label_zh = "稳定币"
    label_en = "Stablecoin"
    modes = ("HOSTED",)
    tops_up = False
    terms = {"USD": Bounds(50, 1_000_000)}

    @property
    def is_on(self) -> bool:
        """Off unless a setting says otherwise: it is lawful in some places only."""
        return settings().stablecoin_payments
