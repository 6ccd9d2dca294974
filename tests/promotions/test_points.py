"""The arithmetic of points: whole ones, down, and to the last one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promotions.points.arithmetic import (
    PointsTerms,
    earned_points,
    most_points,
    points_by_line,
    reversed_points,
    withheld_points,
)

TERMS = PointsTerms(
    is_on=True, earn_bp=100, point_minor=10, lasts_days=365, most_bp=5_000, least_points=10
)
minor = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("paid_minor", "spare_minor", "points"),
    [
        (100_000, 1_000, 100),
        (100_999, 1_000, 100),
        (100_000, 999, 0),  # all or none: what fits would tell the shop's margin
        (999, 1_000, 0),
        (0, 0, 0),
        (100_000, -5, 0),
    ],
)
def test_a_line_earns_whole_points_or_none(paid_minor: int, spare_minor: int, points: int) -> None:
    assert earned_points(TERMS, paid_minor=paid_minor, spare_minor=spare_minor) == points
    off = replace(TERMS, is_on=False)
    assert earned_points(off, paid_minor=paid_minor, spare_minor=spare_minor) == 0


@given(paid=minor, parts=st.integers(1, 50), worth=st.integers(1, 1_000), bp=st.integers(0, 10_000))
def test_splitting_a_purchase_earns_nothing_more(
    paid: int, parts: int, worth: int, bp: int
) -> None:
    terms = replace(TERMS, point_minor=worth, earn_bp=bp)
    whole = earned_points(terms, paid_minor=paid * parts, spare_minor=10**12)
    assert parts * earned_points(terms, paid_minor=paid, spare_minor=10**12) <= whole


@given(
    rooms=st.lists(minor, min_size=1, max_size=20),
    worth=st.integers(1, 1_000_000),
    most_bp=st.integers(0, 10_000),
    part=st.floats(0, 1),
)
def test_no_line_is_lowered_by_more_than_its_room(
    rooms: list[int], worth: int, most_bp: int, part: float
) -> None:
    terms = replace(TERMS, point_minor=worth, most_bp=most_bp)
    payable = sum(rooms) + len(rooms)
    most = most_points(terms, payable_minor=payable, rooms_minor=rooms)
    assert most * worth * 10_000 <= payable * most_bp
    points = int(most * part)
    by_line = points_by_line(points, point_minor=worth, rooms_minor=rooms)
    assert sum(by_line) == points
    assert all(one * worth <= room for one, room in zip(by_line, rooms, strict=True))


@given(earned=st.integers(1, 10**6), paid=st.integers(1, 10**6), refunds=st.lists(minor))
def test_all_refunds_together_take_back_what_was_earned(
    earned: int, paid: int, refunds: list[int]
) -> None:
    refunded, taken = 0, 0
    for wanted in (*refunds, paid):
        amount = min(wanted, paid - refunded)
        points = reversed_points(
            earned, paid_minor=paid, refunded_minor=refunded, amount_minor=amount
        )
        assert points >= 0
        refunded, taken = refunded + amount, taken + points
    assert taken == earned


@given(spent=st.integers(0, 10**6), worth=st.integers(1, 1_000), amount=minor)
def test_a_refund_is_never_less_than_nothing(spent: int, worth: int, amount: int) -> None:
    withheld = withheld_points(spent, point_minor=worth, amount_minor=amount)
    assert 0 <= withheld <= spent and withheld * worth <= amount
