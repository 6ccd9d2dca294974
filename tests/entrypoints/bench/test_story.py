"""A long run is sound when nothing failed, the books balance, and memory is flat."""

from collections.abc import Sequence

import pytest

from entrypoints.bench.growth.page import mixed_figures
from entrypoints.bench.story import MIB, Story, Stretch

CONDITIONS = {
    "processors": 2,
    "memory_gib": 24.0,
    "python": "3.11.2",
    "postgres": "15.4",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
}
FLAT = [100.0] * 10


def story(memory_mib: Sequence[float], *, every_seconds: float = 60.0, errors: int = 0) -> Story:
    """A run whose books balance."""
    told = Story(8, round(len(memory_mib) * every_seconds), every_seconds, verified=True)
    for number, mib in enumerate(memory_mib, start=1):
        told.stretches.append(
            Stretch(number * every_seconds, 600, errors, 20.0, 0, round(mib * MIB))
        )
    return told


def test_a_run_without_errors_and_with_flat_memory_is_sound() -> None:
    told = story(FLAT)
    assert told.is_sound
    assert told.operations == 6_000
    assert list(told.summary()) == [
        "6,000 operations, 0 errors. In the second half memory (PSS) moved by +0.00 MiB a minute "
        "and p95 by +0.00 ms a minute.",
        "All invariants hold.",
    ]


def test_a_run_with_an_error_or_a_breach_or_without_a_check_of_the_books_is_not() -> None:
    assert not story(FLAT, errors=1).is_sound
    late = story(FLAT)
    late.errors_of_client = 1  # of the last stretch, which is not told
    assert (late.is_sound, late.errors) == (False, 1)
    broken = story(FLAT)
    broken.breaches.append("I3, a wallet below zero: 1")
    assert not broken.is_sound
    assert list(broken.summary())[-1] == "I3, a wallet below zero: 1"
    unchecked = story(FLAT)
    unchecked.verified = False
    assert not unchecked.is_sound
    assert not story([]).is_sound


def test_memory_may_grow_by_a_twentieth_in_the_second_half_and_as_it_likes_before() -> None:
    warm = [50, 70, 90, 95, 100]
    growing = story([*warm, 100, 101, 102, 103, 104])
    assert growing.memory_growth == pytest.approx(0.04)
    assert growing.is_sound
    leaking = story([*warm, 100, 102, 104, 106, 108])
    assert leaking.memory_growth == pytest.approx(0.08)
    assert not leaking.is_sound
    assert "Memory grows: +8% in the second half." in leaking.summary()


def test_a_short_run_is_still_warming_up_and_its_memory_is_not_judged() -> None:
    assert story([50, 100, 150, 200], every_seconds=10).is_sound
    assert story([50], every_seconds=10).memory_growth == 0


def test_a_run_is_shown_minute_by_minute() -> None:
    told = story([100, 101, 102, 103, 104], every_seconds=30, errors=2)
    shown = mixed_figures(
        {"conditions": CONDITIONS, "size": {"shops": 100, "skus": 200}, **told.as_json()}
    )
    assert "8 clients for 2.5 minutes: 3,000 operations, 10 errors" in shown
    assert "verify finds nothing" in shown
    rows = [line for line in shown.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| 1 | 20 | 20.0 | 4 | 101.0 |",
        "| 2 | 20 | 20.0 | 4 | 103.0 |",
        "| 3 | 20 | 20.0 | 2 | 104.0 |",
    ]
