"""Patterns of account numbers: what they match, and that no text makes them slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.forms.patterns import MAX_REPEATS, BadPattern, pattern

PIECES = st.sampled_from(
    ["A", r"\d", "[A-Z]", "[a-z0-9]", "[A-Z_]", r"\-", "-", "[01 ]", r"[\]\-a]", r"\."]
)
COUNTS = st.sampled_from(["", "?", "{2}", "{0,3}", "{1,4}", "{3}"])
PATTERNS = st.lists(st.builds(str.__add__, PIECES, COUNTS), min_size=1, max_size=6).map("".join)


@given(text=PATTERNS, value=st.text("A1Zaz_-. ]0", max_size=12))
def test_a_pattern_matches_what_the_regular_expression_matches(text: str, value: str) -> None:
    expected = re.fullmatch(text, value, re.ASCII) is not None
    assert pattern(text).matches(value) == expected


@given(text=PATTERNS, data=st.data())
def test_it_matches_what_is_made_after_it(text: str, data: st.DataObject) -> None:
    value = data.draw(st.from_regex(re.compile(text, re.ASCII), fullmatch=True))
    assert pattern(text).matches(value)


@pytest.mark.parametrize(
    "text",
    ["", "a*", "a+", "(a)", "a|b", "^a", "a$", ".", "[^a]", "[a", "a{", "a{3,2}", "a{1000}",
     "[]", r"\w", r"\1", "a" * 101, f"a{{{MAX_REPEATS}}}b", "é", "[z-a]", "a??", "a{2}{2}"],
)  # fmt: skip
def test_what_could_take_long_or_means_nothing_here_is_no_pattern(text: str) -> None:
    with pytest.raises(BadPattern):
        pattern(text)


def test_the_work_does_not_grow_with_the_ways_through_a_pattern() -> None:
    """A backtracking engine tries more ways here than there are atoms."""
    many_ways = pattern("a{0,9}" * 16 + "b")
    assert not many_ways.matches("a" * 144)
    assert many_ways.matches("a" * 144 + "b")
