"""Alipay through Stripe: the buyer approves on Alipay's page and returns."""

from billing.payment_methods import stripe_intents
from billing.payment_methods.base import Ask, Started
from billing.payment_methods.stripe_method import StripeMethod


class Alipay(StripeMethod):
    """支付宝."""

    code = "ALIPAY"
    stripe_type = "alipay"
    fee_bp = 60
    label_zh = "支付宝"
    label_en = "Alipay"

    async def start_intent(self, ask: Ask) -> Started:
        """Make and confirm the intent; it answers with Alipay's page."""
        confirm = {"confirm": True, "payment_method_data": {"type": "alipay"}}
        return await stripe_intents.create(ask, method_type="alipay", confirm=confirm)
