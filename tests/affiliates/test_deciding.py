"""Who is thanked, by the rules alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affiliates.commission import Rate, earned_minor, within
from affiliates.deciding import THANKED, Candidate, Rule, Upline, decide

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BUYER, STAR, MOON = UUID(int=1), UUID(int=2), UUID(int=3)
CODE = Candidate(
    by=Rule.CODE,
    affiliate_id=STAR,
    customer_id=None,
    is_open=True,
    rate=Rate(300),
    window_days=30,
    first_touch=False,
    first_order_only=False,
)


def click(by: Rule = Rule.LAST_CLICK, *, days: int = 1, of: UUID = MOON) -> Candidate:
    """A click of so many days ago."""
    clicked_at = NOW - timedelta(days=days)
    return replace(CODE, by=by, affiliate_id=of, click_id=UUID(int=9), clicked_at=clicked_at)


def decided(*candidates: Candidate, has_ordered: bool = False) -> tuple[Rule, UUID] | None:
    verdict = decide(candidates, customer_id=BUYER, has_ordered=has_ordered, now=NOW)
    return (verdict.rule, verdict.candidate.affiliate_id) if verdict else None


def test_a_code_beats_a_click_and_a_click_counts_without_one() -> None:
    assert decided(click(), CODE) == (Rule.CODE, STAR)
    assert decided(click()) == (Rule.LAST_CLICK, MOON)
    assert decided() is None


def test_the_last_click_counts_unless_the_first_ones_program_says_otherwise() -> None:
    first, last = click(Rule.FIRST_TOUCH, days=9, of=STAR), click()
    assert decided(first, last) == (Rule.LAST_CLICK, MOON)
    assert decided(replace(first, first_touch=True), last) == (Rule.FIRST_TOUCH, STAR)
    assert decided(first, replace(last, first_touch=True)) == (Rule.LAST_CLICK, MOON)


def test_a_click_counts_to_the_end_of_its_window_and_no_longer() -> None:
    assert decided(click(days=30)) == (Rule.LAST_CLICK, MOON)
    late = replace(click(), clicked_at=NOW - timedelta(days=30, microseconds=1))
    assert decided(late) == (Rule.EXPIRED, MOON)
    assert decided(replace(late, window_days=31)) == (Rule.LAST_CLICK, MOON)


def test_an_own_code_thanks_nobody_not_even_whom_the_buyer_came_by() -> None:
    own = replace(CODE, customer_id=BUYER)
    assert decided(own, click()) == (Rule.OWN_ORDER, STAR)
    # Nor does a code of somebody whom the buyer has brought, and would earn by.
    above = replace(CODE, uplines=(Upline(MOON, 100, BUYER),))
    assert decided(above) == (Rule.OWN_ORDER, STAR)


def test_what_is_over_thanks_nobody() -> None:
    assert decided(replace(CODE, is_open=False), click()) == (Rule.NO_PROGRAM, STAR)
    first_only = replace(CODE, first_order_only=True)
    assert decided(first_only) == (Rule.CODE, STAR)
    assert decided(first_only, has_ordered=True) == (Rule.NOT_FIRST_ORDER, STAR)


def test_whom_the_strongest_claim_has_passed_over_is_kept() -> None:
    verdict = decide([CODE, click(days=2), click()], customer_id=None, has_ordered=False, now=NOW)
    assert verdict is not None
    assert verdict.passed_over == click()
    alone = decide([CODE, click(of=STAR)], customer_id=None, has_ordered=False, now=NOW)
    assert alone is not None and alone.passed_over is None


_CANDIDATES = st.lists(
    st.builds(
        replace,
        st.sampled_from(
            [CODE, click(), click(Rule.FIRST_TOUCH), click(days=40), replace(CODE, is_open=False)]
        ),
        customer_id=st.sampled_from([None, BUYER, MOON]),
        first_touch=st.booleans(),
        first_order_only=st.booleans(),
    ),
    max_size=4,
)


@given(_CANDIDATES, st.booleans())
def test_nobody_is_ever_thanked_for_an_order_of_their_own(
    candidates: list[Candidate], has_ordered: bool
) -> None:
    verdict = decide(candidates, customer_id=BUYER, has_ordered=has_ordered, now=NOW)
    if verdict is None or not verdict.is_thanked:
        return
    assert verdict.rule in THANKED
    assert verdict.candidate.is_open
    assert verdict.candidate.customer_id != BUYER
    assert not (has_ordered and verdict.candidate.first_order_only)


@given(st.lists(st.integers(0, 10_000), max_size=3), st.integers(-100, 20_000))
def test_commissions_never_exceed_the_margin_and_the_nearest_is_paid_first(
    wanted: list[int], room_minor: int
) -> None:
    parts = within(wanted, room_minor=room_minor)
    assert sum(parts) == min(sum(wanted), max(room_minor, 0))
    assert all(part <= one for part, one in zip(parts, wanted, strict=True))
    cut = [part < one for part, one in zip(parts, wanted, strict=True)]
    assert all(part == 0 for place, part in enumerate(parts) if any(cut[:place]))


@pytest.mark.parametrize(
    ("rate", "earned"),
    [(Rate(300), 315), (Rate(0, 50), 150), (Rate(0, 99_999), 10_500), (Rate(0), 0)],
)
def test_a_rate_is_a_part_of_what_is_paid_or_so_much_a_piece(rate: Rate, earned: int) -> None:
    assert earned_minor(rate, paid_minor=10_500, quantity=3) == earned
