"""The affiliate's commission on one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affiliates.commission import commission_minor
from kernel.money import AmountOutOfRange


def test_three_percent_of_what_the_buyer_paid() -> None:
    assert commission_minor(paid_minor=10_500, rate_bp=300) == 315


@pytest.mark.parametrize(
    ("paid_minor", "rate_bp", "earned_minor"),
    [(33, 300, 0), (34, 300, 1), (99, 9_999, 98), (7, 10_000, 7), (7, 0, 0), (0, 300, 0)],
)
def test_a_fraction_of_a_minor_unit_is_not_earned(
    paid_minor: int, rate_bp: int, earned_minor: int
) -> None:
    assert commission_minor(paid_minor=paid_minor, rate_bp=rate_bp) == earned_minor


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.integers(0, 10_000))
def test_an_affiliate_who_splits_a_purchase_earns_no_more(
    payments: list[int], rate_bp: int
) -> None:
    split = sum(commission_minor(paid_minor=paid, rate_bp=rate_bp) for paid in payments)
    whole = commission_minor(paid_minor=sum(payments), rate_bp=rate_bp)
    assert split <= whole <= sum(payments)


@pytest.mark.parametrize(("paid_minor", "rate_bp"), [(-1, 300), (100, -1), (100, 10_001)])
def test_an_impossible_commission_is_a_bug(paid_minor: int, rate_bp: int) -> None:
    with pytest.raises(ValueError, match="commission"):
        commission_minor(paid_minor=paid_minor, rate_bp=rate_bp)


def test_a_payment_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(AmountOutOfRange):
        commission_minor(paid_minor=2**53, rate_bp=1)
