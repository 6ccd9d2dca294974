"""How much a seller must put down, for how long it lasts, and where the money goes (E11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import accounts
from billing.deposits.arithmetic import (
    DepositTerms,
    Measured,
    is_short,
    lasts_hours,
    required_minor,
    warned_at,
)
from billing.ledger import Entry
from billing.postings import deposits
from kernel.ids import new_id

PARTY = new_id()
FREE, HELD = accounts.deposit_free(PARTY, "CNY"), accounts.deposit_held(PARTY, "CNY")
AVAILABLE = accounts.party_available(PARTY, "CNY")
TERMS = DepositTerms(
    base_minor=50_000,
    exposure_bp=2_000,
    target_rate_bp=100,
    least_minor=20_000,
    most_minor=500_000,
    grace_minor=1_000,
)


def measured(exposure: int = 0, growth: int = 0, sold: int = 1_000, faults: int = 10) -> Measured:
    return Measured(exposure, growth, sold, faults)


@pytest.mark.parametrize(
    ("found", "expected_minor"),
    [
        (measured(0), 50_000),
        (measured(100_000), 70_000),  # a fifth of the exposure at the target's rate of 1 %
        (measured(100_000, faults=20), 90_000),  # twice as bad, twice as much
        (measured(100_000, faults=5), 60_000),
        (measured(100_000, faults=0), 50_000),
        (measured(100_000, sold=19, faults=19), 70_000),  # too few to say anything: the target
        (measured(100_001), 70_001),  # rounded up, once
        (measured(10_000_000), 500_000),  # never more than the most
    ],
)
def test_what_is_asked_for_follows_from_exposure_and_rate(
    found: Measured, expected_minor: int
) -> None:
    assert required_minor(TERMS, found) == expected_minor
    assert required_minor(DepositTerms(least_minor=5, most_minor=9), found) == 5
    assert required_minor(DepositTerms(), found) == 0, "nobody asks for anything"


def test_the_grace_is_what_may_be_missing() -> None:
    for missing_minor, expected in ((0, False), (1_000, False), (1_001, True)):
        assert (
            is_short(free_minor=70_000 - missing_minor, required_minor=70_000, grace_minor=1_000)
            is expected
        )


@pytest.mark.parametrize(
    ("free_minor", "growth", "hours"),
    [
        (70_000, 10_000, 0),  # 1,000 of grace, and an hour asks for 2,000 more
        (71_000, 10_000, 1),
        (117_000, 10_000, 24),
        (68_999, 10_000, 0),  # too low now
        (70_000, 0, None),
        (70_000, -10_000, None),
        (500_000, 10_000, None),  # more is never asked for
    ],
)
def test_how_long_it_lasts_is_what_is_spare_by_what_an_hour_asks_for(
    free_minor: int, growth: int, hours: int | None
) -> None:
    found = measured(100_000, growth)
    assert lasts_hours(TERMS, found, free_minor=free_minor) == hours


@given(
    free_minor=st.integers(0, 600_000),
    exposure=st.integers(0, 3_000_000),
    growth=st.integers(1, 100_000),
    faults=st.integers(0, 50),
)
def test_a_forecast_comes_true(free_minor: int, exposure: int, growth: int, faults: int) -> None:
    found = measured(exposure, growth, faults=faults)
    hours = lasts_hours(TERMS, found, free_minor=free_minor)
    if hours is None:
        return

    def is_low_after(hours: int) -> bool:
        later = measured(exposure + growth * hours, growth, faults=faults)
        asked_minor = required_minor(TERMS, later)
        return is_short(free_minor=free_minor, required_minor=asked_minor, grace_minor=1_000)

    assert hours == 0 or not is_low_after(hours)
    assert is_low_after(2 * hours + 10) or hours > 0


def test_a_party_is_told_a_day_and_three_hours_before_and_when_it_stops() -> None:
    hours = (None, 25, 24, 4, 3, 1, 0)
    assert [warned_at(one) for one in hours] == [None, None, 24, 24, 3, 3, 0]


def test_the_postings_of_a_deposit() -> None:
    bank, penalty = accounts.bank("CNY"), accounts.revenue("PENALTY", "CNY")
    assert deposits.from_bank(PARTY, "CNY", amount_minor=500) == [
        Entry(bank, 500),
        Entry(FREE, -500),
    ]
    assert deposits.from_earnings(PARTY, "CNY", amount_minor=500) == [
        Entry(AVAILABLE, 500),
        Entry(FREE, -500),
    ]
    assert deposits.held(PARTY, "CNY", amount_minor=300) == [Entry(FREE, 300), Entry(HELD, -300)]
    assert deposits.ended(PARTY, "CNY", amount_minor=300) == [Entry(HELD, 300), Entry(FREE, -300)]
    assert deposits.ended(PARTY, "CNY", amount_minor=300, deducted_minor=100) == [
        Entry(HELD, 300),
        Entry(penalty, -100),
        Entry(FREE, -200),
    ]
    assert deposits.ended(PARTY, "CNY", amount_minor=300, deducted_minor=300) == [
        Entry(HELD, 300),
        Entry(penalty, -300),
    ]
    assert deposits.left(PARTY, "CNY", amount_minor=200) == [
        Entry(FREE, 200),
        Entry(AVAILABLE, -200),
    ]
