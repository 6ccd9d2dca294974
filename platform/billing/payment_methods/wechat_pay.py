"""WeChat Pay through Stripe: the buyer scans a code, or opens its page."""

from billing.payment_methods import stripe_intents
from billing.payment_methods.base import Ask, Started
from billing.payment_methods.stripe_method import StripeMethod


class WeChatPay(StripeMethod):
    """微信支付."""

    code = "WECHAT_PAY"
    stripe_type = "wechat_pay"
    fee_bp = 60
    label_zh = "微信支付"
    label_en = "WeChat Pay"
    session_options = {"client": "web"}

    async def start_intent(self, ask: Ask) -> Started:
        """Make and confirm the intent; it answers with a page that shows the code."""
        confirm = {
            "confirm": True,
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": {"client": "web"}},
        }
        return await stripe_intents.create(ask, method_type="wechat_pay", confirm=confirm)
