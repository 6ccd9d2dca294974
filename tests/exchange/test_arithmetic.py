"""Converting is exact, and rounds once, to the side that its name says."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.arithmetic import Rate, RateMalformed, change_bp, parsed_rate, written_rate
from kernel.ids import new_id
from kernel.money import CURRENCY_EXPONENTS, CurrencyMismatch, Money

CURRENCIES = st.sampled_from(["JPY", "KRW", "CNY", "USD", "KWD", "BHD", "IDR"])
RATES = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(1, 10**12 - 1),
    st.integers(0, 12),
)


def a_rate(base: str, quote: str, value: Decimal) -> Rate:
    return Rate(new_id(), base, quote, value, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("base", "quote", "rate", "minor", "up", "down"),
    [
        ("USD", "CNY", "7.1234", 1000, 7124, 7123),  # 71.234
        ("USD", "CNY", "7.12", 1000, 7120, 7120),
        ("JPY", "CNY", "0.0481", 1000, 4810, 4810),  # a yen is 4.81 fen
        ("CNY", "JPY", "20.79", 1, 1, 0),  # a fen is 0.2079 yen
        ("KWD", "CNY", "23.3005", 1, 3, 2),  # a fils is 2.33 fen
        ("CNY", "KWD", "0.04292", 100, 43, 42),
        ("IDR", "CNY", "0.000441", 1_000_000, 441, 441),
    ],
)
def test_an_amount_is_worth_what_a_hand_has_worked_out(
    base: str, quote: str, rate: str, minor: int, up: int, down: int
) -> None:
    converted = a_rate(base, quote, Decimal(rate))

    assert (converted.up(minor), converted.down(minor)) == (up, down)


@given(CURRENCIES, CURRENCIES, RATES, st.integers(0, 2**53 - 1))
def test_a_rounding_is_less_than_a_unit_to_its_own_side(
    base: str, quote: str, value: Decimal, minor: int
) -> None:
    rate = a_rate(base, quote, value)
    exact = (
        Fraction(minor, 10 ** CURRENCY_EXPONENTS[base])
        * Fraction(value)
        * 10 ** CURRENCY_EXPONENTS[quote]
    )

    assert 0 <= rate.up(minor) - exact < 1
    assert 0 <= exact - rate.down(minor) < 1


def test_money_of_another_currency_is_not_converted() -> None:
    rate = a_rate("USD", "CNY", Decimal("7.1"))

    assert rate.converted_up(Money(100, "USD")) == Money(710, "CNY")
    with pytest.raises(CurrencyMismatch):
        rate.converted_up(Money(100, "EUR"))


@pytest.mark.parametrize(
    "text", ["", "0", "0.000", "-1", "+1", "1e3", "NaN", "7,1", " 7", "７.1", "7.", ".5",
             "1234567.123456", "7.1234567890123", "1000000000000"]
)  # fmt: skip
def test_what_is_no_rate_is_none(text: str) -> None:
    with pytest.raises(RateMalformed):
        parsed_rate(text)


def test_a_rate_is_written_as_people_write_it() -> None:
    assert written_rate(parsed_rate("7.123400")) == "7.1234"
    assert written_rate(parsed_rate("150")) == "150"
    assert written_rate(parsed_rate("0.000000000001")) == "0.000000000001"


def test_a_change_is_counted_either_way_and_up() -> None:
    assert change_bp(before=Decimal(7), after=Decimal(7)) == 0
    assert change_bp(before=Decimal(100), after=Decimal(95)) == 500
    assert change_bp(before=Decimal(100), after=Decimal("105.0001")) == 501
