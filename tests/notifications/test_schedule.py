"""The schedule is three days long, and its jitter stays within a fifth."""

from hypothesis import given
from hypothesis import strategies as st

from notifications import schedule


def test_the_tries_fill_three_days() -> None:
    assert 2.9 * 86_400 < sum(schedule.RETRY_AFTER_SECONDS) < 3.1 * 86_400
    assert list(schedule.RETRY_AFTER_SECONDS) == sorted(schedule.RETRY_AFTER_SECONDS)


@given(tries=st.integers(1, 12), chance=st.floats(0, 1))
def test_the_jitter_stays_within_a_fifth(tries: int, chance: float) -> None:
    planned = schedule.RETRY_AFTER_SECONDS[tries - 1]
    seconds = schedule.retry_after_seconds(tries=tries, chance=chance)
    assert seconds is not None
    assert 0.79 * planned < seconds < 1.21 * planned


def test_after_the_last_try_there_is_none() -> None:
    assert schedule.retry_after_seconds(tries=13, chance=0.5) is None


def test_an_endpoint_is_left_alone_the_longer_the_more_it_fails() -> None:
    pauses = [schedule.pause_seconds(failures) for failures in range(30)]
    assert pauses[:5] == [0.0] * 5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600
