"""Money: what an amount may be, how it is read and written, and where fractions go."""

from collections import Counter
from fractions import Fraction

import pytest
from babel.core import get_global
from babel.numbers import get_territory_currencies
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import (
    CURRENCY_EXPONENTS,
    MAX_AMOUNT_MINOR,
    AmountMalformed,
    AmountOutOfRange,
    CurrencyMismatch,
    Money,
    UnknownCurrency,
    checked_amount,
    currency_exponent,
    format_money,
    largest_remainder,
    share_bp_ceil,
    share_bp_floor,
    share_bp_half_up,
)

amounts = st.integers(0, 10**12)
rates = st.integers(0, 10_000)


def test_amounts_of_one_currency_add_and_subtract() -> None:
    assert Money(10_500, "CNY") + Money(63, "CNY") == Money(10_563, "CNY")
    assert Money(63, "CNY") - Money(10_500, "CNY") == Money(-10_437, "CNY")


def test_the_same_number_of_another_currency_is_another_amount() -> None:
    assert Money(100, "JPY") != Money(100, "CNY")


def test_two_currencies_never_meet_in_one_sum() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") - Money(1, "USD")


def test_an_amount_is_multiplied_by_a_quantity() -> None:
    assert Money(9_000, "CNY").times(500) == Money(4_500_000, "CNY")
    assert Money(9_000, "CNY").times(0) == Money(0, "CNY")


def test_a_negative_quantity_is_refused() -> None:
    with pytest.raises(AmountOutOfRange):
        Money(9_000, "CNY").times(-1)


@pytest.mark.parametrize("amount_minor", [MAX_AMOUNT_MINOR, -MAX_AMOUNT_MINOR])
def test_the_last_amount_that_json_can_hold_is_an_amount(amount_minor: int) -> None:
    assert checked_amount(amount_minor) == amount_minor
    assert Money(amount_minor, "USD").amount_minor == amount_minor


@pytest.mark.parametrize("amount_minor", [2**53, -(2**53), 2**63, 10**30])
def test_an_amount_beyond_the_bounds_is_refused(amount_minor: int) -> None:
    with pytest.raises(AmountOutOfRange):
        Money(amount_minor, "USD")


def test_sums_and_products_cannot_pass_the_bounds() -> None:
    most = Money(MAX_AMOUNT_MINOR, "USD")
    with pytest.raises(AmountOutOfRange):
        most + Money(1, "USD")
    with pytest.raises(AmountOutOfRange):
        Money(-MAX_AMOUNT_MINOR, "USD") - Money(1, "USD")
    with pytest.raises(AmountOutOfRange):
        most.times(2)


@pytest.mark.parametrize("amount", [1.0, True, "1", None])
def test_only_an_int_counts_minor_units(amount: object) -> None:
    with pytest.raises(AmountMalformed):
        Money(amount, "USD")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("currency", ["", "usd", "XAU", "XXX", "CLF", "US"])
def test_a_code_without_minor_units_is_not_a_currency(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, currency)


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [("JPY", 0), ("KRW", 0), ("VND", 0), ("CNY", 2), ("USD", 2), ("IQD", 3), ("KWD", 3)],
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, exponent: int) -> None:
    assert currency_exponent(currency) == exponent


def test_every_currency_that_is_tender_somewhere_has_its_decimals_once() -> None:
    territories = get_global("territory_currencies")
    tender = {code for place in territories for code in get_territory_currencies(place)}
    assert tender <= CURRENCY_EXPONENTS.keys()
    assert Counter(CURRENCY_EXPONENTS.values()) == {0: 17, 2: 139, 3: 7}


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(10_500, "CNY"), "zh_CN", "¥105.00"),
        (Money(10_500, "CNY"), "zh-CN", "¥105.00"),
        (Money(1_500, "JPY"), "ja_JP", "￥1,500"),
        (Money(1_500, "KWD"), "en_US", "KWD1.500"),
        (Money(-1_500_063, "EUR"), "de", "-15.000,63\xa0€"),
        (Money(1_234_567, "IQD"), "en_US", "IQD1,234.567"),
        (Money(MAX_AMOUNT_MINOR, "USD"), "en", "$90,071,992,547,409.91"),
    ],
)
def test_people_read_an_amount_in_the_manner_of_their_locale(
    money: Money, locale: str, text: str
) -> None:
    assert format_money(money, locale) == text


def test_writing_one_currency_leaves_the_locale_as_it_was() -> None:
    before = format_money(Money(10_500, "CNY"), "en")
    format_money(Money(1_500, "JPY"), "en")
    assert format_money(Money(10_500, "CNY"), "en") == before == "CN¥105.00"


@pytest.mark.parametrize(
    ("amount_minor", "bp", "floor", "half_up", "ceil"),
    [
        (10_500, 300, 315, 315, 315),
        (10_500, 60, 63, 63, 63),
        (1, 4_999, 0, 0, 1),
        (1, 5_000, 0, 1, 1),
        (3, 3_333, 0, 1, 1),
        (0, 10_000, 0, 0, 0),
        (7, 10_000, 7, 7, 7),
        (-1, 5_000, -1, 0, 0),
    ],
)
def test_a_share_says_in_its_name_where_the_fraction_goes(
    amount_minor: int, bp: int, floor: int, half_up: int, ceil: int
) -> None:
    assert share_bp_floor(amount_minor=amount_minor, bp=bp) == floor
    assert share_bp_half_up(amount_minor=amount_minor, bp=bp) == half_up
    assert share_bp_ceil(amount_minor=amount_minor, bp=bp) == ceil


@given(amounts, rates)
def test_the_three_roundings_surround_the_exact_share(amount_minor: int, bp: int) -> None:
    exact = Fraction(amount_minor * bp, 10_000)
    floor = share_bp_floor(amount_minor=amount_minor, bp=bp)
    half_up = share_bp_half_up(amount_minor=amount_minor, bp=bp)
    ceil = share_bp_ceil(amount_minor=amount_minor, bp=bp)
    assert exact - 1 < floor <= exact <= ceil < exact + 1
    assert Fraction(-1, 2) < half_up - exact <= Fraction(1, 2)


@given(st.lists(amounts, min_size=1, max_size=20), rates)
def test_splitting_a_sale_never_wins_a_fraction_from_the_platform(
    parts: list[int], bp: int
) -> None:
    paid_out = sum(share_bp_floor(amount_minor=part, bp=bp) for part in parts)
    taken = sum(share_bp_ceil(amount_minor=part, bp=bp) for part in parts)
    assert paid_out <= share_bp_floor(amount_minor=sum(parts), bp=bp)
    assert taken >= share_bp_ceil(amount_minor=sum(parts), bp=bp)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [5, 5], [1, 0]),
        (2, [1, 2, 1], [1, 1, 0]),
        (10, [0, 3, 0, 1], [0, 8, 0, 2]),
        (0, [4, 4], [0, 0]),
        (0, [], []),
        (0, [0, 0], [0, 0]),
        (7, [1], [7]),
    ],
)
def test_units_left_over_go_to_the_largest_remainder_and_ties_to_the_first(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert largest_remainder(total=total, weights=weights) == parts


@given(amounts, st.lists(amounts, min_size=1, max_size=12).filter(any))
def test_parts_add_up_and_are_within_one_unit_of_their_exact_share(
    total: int, weights: list[int]
) -> None:
    parts = largest_remainder(total=total, weights=weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert part == 0 or weight > 0
        assert part <= weight or total > sum(weights)


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [2, -1]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_divided_is_a_bug(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="negative|nothing to divide"):
        largest_remainder(total=total, weights=weights)
