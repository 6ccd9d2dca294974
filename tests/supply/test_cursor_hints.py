"""The hint where a listing's next key is: for a second or 200 holds, and then somebody looks."""

import pytest

from kernel.ids import new_id
from supply import cursor_hints
from supply.cursor_hints import FROM_THE_HEAD, HOLDS, LISTINGS, CursorHints


class Clock:
    """A clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000.0
        monkeypatch.setattr(cursor_hints, "monotonic_seconds", lambda: self.seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_search_begins_where_the_last_key_was_taken(clock: Clock) -> None:
    hints, listing, other = CursorHints(), new_id(), new_id()
    assert hints.start(listing) == FROM_THE_HEAD
    hints.learn(listing, 70, began=FROM_THE_HEAD)
    assert hints.start(listing) == 70
    hints.learn(listing, 75, began=70)
    # Two search side by side: the later key counts, whichever answer comes first.
    hints.learn(listing, 72, began=70)
    assert hints.start(listing) == 75
    assert hints.start(other) == FROM_THE_HEAD


def test_after_a_second_one_search_begins_at_the_head_and_the_others_go_on(
    clock: Clock,
) -> None:
    hints, listing = CursorHints(), new_id()
    hints.learn(listing, 70, began=FROM_THE_HEAD)
    clock.seconds += 0.99
    assert hints.start(listing) == 70
    clock.seconds += 0.02
    assert hints.start(listing) == FROM_THE_HEAD
    assert hints.start(listing) == 70
    # What it finds is where the search goes on, nearer to the head or not.
    hints.learn(listing, 20, began=FROM_THE_HEAD)
    assert hints.start(listing) == 20


def test_whoever_only_counts_is_told_the_place_and_is_no_search(clock: Clock) -> None:
    hints, listing = CursorHints(), new_id()
    assert hints.position(listing) == FROM_THE_HEAD
    hints.learn(listing, 70, began=FROM_THE_HEAD)
    for _ in range(HOLDS + 1):
        assert hints.position(listing) == 70
    clock.seconds += 1.01
    assert hints.position(listing) == 70
    assert hints.start(listing) == FROM_THE_HEAD, "that is the turn of a search"


def test_after_two_hundred_holds_a_search_begins_at_the_head(clock: Clock) -> None:
    hints, listing = CursorHints(), new_id()
    hints.learn(listing, 70, began=FROM_THE_HEAD)
    starts = [hints.start(listing) for _ in range(2 * HOLDS + 1)]
    assert starts == [*[70] * HOLDS, FROM_THE_HEAD, *[70] * HOLDS]


def test_the_memory_has_a_limit_and_forgets_the_idlest(clock: Clock) -> None:
    hints, first, second = CursorHints(), new_id(), new_id()
    for listing in (first, second):
        hints.learn(listing, 70, began=FROM_THE_HEAD)
    assert hints.start(first) == 70
    for _ in range(LISTINGS - 1):
        hints.learn(new_id(), 70, began=FROM_THE_HEAD)
    assert hints.start(first) == 70
    assert hints.start(second) == FROM_THE_HEAD
    hints.forget()
    assert hints.start(first) == FROM_THE_HEAD
