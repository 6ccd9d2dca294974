"""Converting amounts: pure, in whole numbers, and rounded once, by the name of the function.

A rate says how many major units of `quote` one major unit of `base` is worth. It is a decimal of at
most twelve digits, so what it makes of an amount is known exactly before it is rounded:

    amount · rate · 10^(places of quote) / 10^(places of base)

with the places that each currency has (JPY 0, CNY 2, KWD 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from kernel.errors import Invalid
from kernel.money import BASIS_POINTS, CurrencyMismatch, Money, currency_exponent

MOST_DIGITS: Final = 12
_WRITTEN: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


class RateMalformed(Invalid):
    """Not a positive decimal of at most twelve digits."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate of one pair; nothing is priced with it from `fresh_until` on."""

    id: UUID
    base: str
    quote: str
    value: Decimal
    fresh_until: datetime

    def up(self, amount_minor: int) -> int:
        """Convert an amount of `base`, rounded up: what the platform asks for what it owes."""
        over, under = self._exactly(amount_minor)
        return -(-over // under)

    def down(self, amount_minor: int) -> int:
        """Convert an amount of `base`, rounded down: a bound that must not be passed."""
        over, under = self._exactly(amount_minor)
        return over // under

    def converted_up(self, money: Money) -> Money:
        """Convert money of `base`, rounded up. Raises `CurrencyMismatch`."""
        if money.currency != self.base:
            raise CurrencyMismatch(f"{money.currency} at a rate of {self.base}")
        return Money(self.up(money.amount_minor), self.quote)

    def _exactly(self, amount_minor: int) -> tuple[int, int]:
        """The exact amount in minor units of `quote`, as a fraction."""
        over, under = self.value.as_integer_ratio()
        return (
            amount_minor * over * 10 ** currency_exponent(self.quote),
            under * 10 ** currency_exponent(self.base),
        )


def parsed_rate(text: str, *, field: str = "rate") -> Decimal:
    """Read a rate as people write it: 7.1234. Raises `RateMalformed`."""
    if _WRITTEN.fullmatch(text) is None:
        raise RateMalformed("A rate is a decimal number, with a point.", field=field)
    value = Decimal(text)
    digits = value.normalize().as_tuple().digits
    if value <= 0 or len(digits) > MOST_DIGITS:
        raise RateMalformed(
            f"A rate is larger than zero and has {MOST_DIGITS} digits at most.", field=field
        )
    return value


def written_rate(value: Decimal) -> str:
    """Write a rate without zeros that say nothing: 7.1234, 150."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def change_bp(*, before: Decimal, after: Decimal) -> int:
    """By how many basis points of the first a rate has moved, either way, rounded up."""
    moved = abs(after - before) * BASIS_POINTS
    whole, rest = divmod(moved, before)
    return int(whole) + (rest > 0)
