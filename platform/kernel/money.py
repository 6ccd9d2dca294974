"""Money: whole minor units with a currency, and the only roundings the platform knows.

Everything here is integer arithmetic. Rates are basis points (1 bp = 1/10,000). A rounding is
part of a function's name, because which side gains the fraction of a minor unit is a decision
and never an accident.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kernel.errors import Invalid

BASIS_POINTS: Final = 10_000
# The largest integer that every JSON client can hold without losing a unit.
MAX_AMOUNT_MINOR: Final = 2**53 - 1
MAX_RATE_BP: Final = BASIS_POINTS


class AmountOutOfRange(Invalid):
    """An amount outside ±(2**53 - 1) minor units."""


class AmountMalformed(Invalid):
    """An amount that is not a whole number of minor units."""


class UnknownCurrency(Invalid):
    """A code that is not an ISO 4217 currency with minor units."""


class CurrencyMismatch(ValueError):
    """Two currencies in one sum: a bug of the caller, never a refusal."""


_ZERO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
    "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT "
    "LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE "
    "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES "
    "WST XCD XCG YER ZAR ZMW ZWG"
)
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"

#: Decimal places of each currency by ISO 4217. CLDR's display digits differ for some (IQD, RSD):
#: they say how a price is usually written, this says what one minor unit is.
CURRENCY_EXPONENTS: Final[dict[str, int]] = {
    code: exponent
    for exponent, codes in ((0, _ZERO_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS))
    for code in codes.split()
}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that cannot be parted from its currency.

    `amount_minor` counts minor units (cents, fen; whole yen for JPY) within
    ±(2**53 - 1), `currency` is an upper-case ISO 4217 code.
    Raises `AmountOutOfRange`, `AmountMalformed` or `UnknownCurrency` when made of anything else.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        checked_amount(self.amount_minor)
        currency_exponent(self.currency)

    def __add__(self, other: Money) -> Money:
        """Add another amount of the same currency (`CurrencyMismatch`)."""
        self._require_same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Take off another amount of the same currency (`CurrencyMismatch`)."""
        self._require_same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def times(self, quantity: int) -> Money:
        """Multiply by a whole quantity of at least 0 (`AmountOutOfRange`)."""
        if quantity < 0:
            raise AmountOutOfRange(f"a quantity cannot be negative: {quantity}")
        return Money(self.amount_minor * quantity, self.currency)

    def _require_same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be summed")


def checked_amount(amount_minor: int) -> int:
    """Return `amount_minor` unchanged if it is an amount at all.

    Raises `AmountMalformed` for anything but an `int` (a float, a bool), `AmountOutOfRange`
    outside ±(2**53 - 1).
    """
    if type(amount_minor) is not int:
        raise AmountMalformed("an amount is a whole number of minor units")
    if not -MAX_AMOUNT_MINOR <= amount_minor <= MAX_AMOUNT_MINOR:
        raise AmountOutOfRange("amount outside ±(2**53 - 1) minor units")
    return amount_minor


def currency_exponent(currency: str) -> int:
    """Return the decimal places of a currency (JPY 0, CNY 2, KWD 3).

    Raises `UnknownCurrency`.
    """
    exponent = CURRENCY_EXPONENTS.get(currency)
    if exponent is None:
        raise UnknownCurrency("not an ISO 4217 currency with minor units")
    return exponent


def payable_step_minor(currency: str) -> int:
    """Return the multiple, in minor units, that channels charge a currency in.

    1, and 10 where there are three decimals: cards and banks round the last of them away.
    Raises `UnknownCurrency`.
    """
    return 10 if currency_exponent(currency) == 3 else 1


def format_money(money: Money, locale: str) -> str:
    """Write an amount for people in the manner of `locale` ("zh_CN", "de").

    The number of decimals is ISO 4217's, so that no minor unit is ever rounded away on display.
    Raises babel's `UnknownLocaleError` or `ValueError` for a locale that does not exist.
    """
    # Babel costs 20 ms and its data: a process that shows nothing should not pay for it.
    from babel.core import Locale  # noqa: PLC0415 - see above

    parsed = Locale.parse(locale, sep="-" if "-" in locale else "_")
    # The pattern is shared by everyone who uses the locale: change a copy.
    pattern = copy.copy(parsed.currency_formats["standard"])
    exponent = currency_exponent(money.currency)
    pattern.frac_prec = (exponent, exponent)
    written: str = pattern.apply(
        _major_units(money), parsed, currency=money.currency, currency_digits=False
    )
    return written


def _major_units(money: Money) -> Decimal:
    return Decimal(money.amount_minor).scaleb(-currency_exponent(money.currency))


def share_bp_floor(*, amount_minor: int, bp: int) -> int:
    """Return `bp` basis points of an amount, rounded down (towards -∞).

    For whatever is paid *out* at a rate: splitting one sale into many can only lose by it.
    """
    return amount_minor * bp // BASIS_POINTS


def share_bp_ceil(*, amount_minor: int, bp: int) -> int:
    """Return `bp` basis points of an amount, rounded up (towards +∞).

    For whatever the platform *takes* at a rate: splitting one sale into many cannot avoid it.
    """
    return -(-amount_minor * bp // BASIS_POINTS)


def share_bp_half_up(*, amount_minor: int, bp: int) -> int:
    """Return `bp` basis points of an amount, halves rounded towards +∞.

    For estimates and displays; a posting says floor or ceil.
    """
    return (amount_minor * bp + BASIS_POINTS // 2) // BASIS_POINTS


def largest_remainder(*, total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` minor units in proportion to `weights`, exactly.

    The parts add up to `total`; each is its exact share rounded down, and the units left over go
    one each to the largest remainders, ties to the earlier weight (Hamilton's method). Hence a
    part of weight 0 is 0, and while `total ≤ Σ weights` no part exceeds its weight.
    Raises `ValueError` for a negative total or weight, or for a total over weights that are all 0.
    """
    whole = sum(weights)
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("a total and its weights cannot be negative")
    if whole == 0:
        if total:
            raise ValueError("nothing to divide by: every weight is 0")
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index)
    )
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
