"""The parts of a plan and the pieces that they have paid for, whatever the amounts."""

from hypothesis import given
from hypothesis import strategies as st

from orders.instalments.arithmetic import (
    Goods,
    covered_minor,
    kept_minor,
    part_amounts,
    pieces_released,
)

LINES = st.lists(
    st.builds(Goods, st.integers(1, 10**7), st.integers(1, 50)), min_size=1, max_size=5
)


@given(st.integers(100, 10**10), st.integers(2, 12), st.integers(500, 5_000))
def test_parts_add_up_and_the_first_is_at_least_its_share(
    owed_minor: int, parts: int, first_bp: int
) -> None:
    first, *others = part_amounts(owed_minor=owed_minor, parts=parts, first_bp=first_bp)
    assert first + sum(others) == owed_minor and len(others) == parts - 1
    assert 0 <= first * 10_000 - owed_minor * first_bp < 10_000
    assert 0 <= max(others) - min(others) <= 1 <= min(others)


@given(LINES, st.integers(0, 5 * 10**7))
def test_nobody_has_pieces_for_more_than_was_paid(lines: list[Goods], paid_minor: int) -> None:
    total_minor = sum(line.paid_minor for line in lines)
    paid_minor = min(paid_minor, total_minor)
    released = pieces_released(lines, covered_minor=paid_minor, release="BY_SHARE")
    cost_minor = sum(
        kept_minor(line, handed=pieces) for line, pieces in zip(lines, released, strict=True)
    )
    assert cost_minor <= paid_minor
    assert (paid_minor == total_minor) == (released == [line.quantity for line in lines])
    # One more piece of the first line that is not whole would have cost more than was paid.
    for line, pieces in zip(lines, released, strict=True):
        if pieces < line.quantity:
            more_minor = kept_minor(line, handed=pieces + 1) - kept_minor(line, handed=pieces)
            assert cost_minor + more_minor > paid_minor
            break


@given(LINES, st.integers(0, 10**7))
def test_goods_never_go_back_while_parts_are_paid(lines: list[Goods], fee_minor: int) -> None:
    total_minor = sum(line.paid_minor for line in lines)
    before = [0] * len(lines)
    for part_minor in range(0, 11):
        owed_minor = (total_minor + fee_minor) * (10 - part_minor) // 10
        covered = covered_minor(total_minor=total_minor, fee_minor=fee_minor, owed_minor=owed_minor)
        now = pieces_released(lines, covered_minor=covered, release="BY_SHARE")
        assert all(old <= new for old, new in zip(before, now, strict=True))
        before = now
    assert before == [line.quantity for line in lines]
    assert pieces_released(lines, covered_minor=0, release="AT_START") == before
    assert pieces_released(lines, covered_minor=total_minor - 1, release="AT_END") == [
        0 for _ in lines
    ]
