"""How Stripe counts amounts: as ISO 4217 does, but for what is here.

https://docs.stripe.com/currencies: of a currency with three decimals the last digit is always 0;
ISK and UGX are sent with two decimals that they do not have, and MGA without those that it has.
"""

from typing import Final

from kernel.money import payable_step_minor

COUNTED_OTHERWISE: Final = frozenset({"ISK", "MGA", "UGX"})
"""Not taken: an amount of ours is another one there."""


def step_minor(currency: str) -> int:
    """Every amount of the currency is a multiple of so many minor units."""
    return payable_step_minor(currency)


def is_counted_alike(currency: str, amount_minor: int | None = None) -> bool:
    """Whether an amount of ours can be asked for and given back; without one, whether any can."""
    if currency in COUNTED_OTHERWISE:
        return False
    return amount_minor is None or amount_minor % step_minor(currency) == 0
