"""UnionPay cards through Stripe, on a page that takes no cards of the other networks.

An intent can be told its network only when it is confirmed; a session's page can be told from the
beginning which brands it does not take. So UnionPay is paid there.
"""

from billing.payment_methods.stripe_method import StripeMethod


class UnionPay(StripeMethod):
    """银联: a card of UnionPay's network. Stripe runs it over Discover's, which stays open."""

    code = "UNIONPAY"
    stripe_type = "card"
    fee_bp = 80
    label_zh = "银联卡"
    label_en = "UnionPay card"
    modes = ("HOSTED",)
    session_options = {
        "restrictions": {"brands_blocked": ["visa", "mastercard", "american_express"]}
    }
