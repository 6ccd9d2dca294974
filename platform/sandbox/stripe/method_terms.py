"""Which currencies and amounts each payment method type takes; what is not listed takes all.

https://docs.stripe.com/payments/klarna, https://docs.stripe.com/payments/affirm,
https://docs.stripe.com/payments/afterpay-clearpay, https://docs.stripe.com/payments/stablecoin-payments
"""

from typing import Final

_LEAST, _MOST = 1, 99_999_999
# Of each currency the least and the most amount, in minor units.
_TERMS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "klarna": {
        "usd": (1_000, 500_000),
        "eur": (100, 500_000),
        "gbp": (100, 500_000),
        "aud": (100, 200_000),
        "cad": (100, 500_000),
    },
    "affirm": {"usd": (5_000, 3_000_000), "cad": (5_000, 3_000_000)},
    "afterpay_clearpay": {
        "usd": (100, 400_000),
        "aud": (100, 200_000),
        "cad": (100, 200_000),
        "nzd": (100, 200_000),
        "gbp": (100, 120_000),
    },
    "crypto": {"usd": (50, 1_000_000)},
}
REDIRECTING: Final = ("alipay", *_TERMS)
"""The types whose buyer is sent elsewhere, and comes back."""


def fits(method_type: str, *, amount_minor: int, currency: str) -> bool:
    """Tell whether a payment of so much can be made by the type."""
    terms = _TERMS.get(method_type)
    if terms is None:
        return True
    least, most = terms.get(currency, (_MOST, _LEAST))
    return least <= amount_minor <= most
