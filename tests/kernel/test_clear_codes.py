"""Codes for people: what is mistyped is noticed, what is broken up is read all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clear_codes
from kernel.clear_codes import LETTERS

CODES = st.text(alphabet=LETTERS, min_size=3, max_size=20).map(clear_codes.with_check)


@given(CODES, st.data())
def test_one_wrong_letter_or_two_in_each_others_place_are_noticed(
    code: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(code) - 2))
    other = data.draw(st.sampled_from(LETTERS.replace(code[place], "")))
    first, second = code[place], code[place + 1]

    assert clear_codes.is_clear(code)
    assert not clear_codes.is_clear(code[:place] + other + code[place + 1 :])
    swapped = code[:place] + second + first + code[place + 2 :]
    assert clear_codes.is_clear(swapped) == (first == second)


def test_a_code_is_found_in_whatever_a_bank_makes_of_a_message() -> None:
    code = clear_codes.code_of(b"payment", 12)

    for message in (
        code,
        f"re: {clear_codes.in_groups(code)} thanks",
        f"//{code.lower()}//",
        f"X{code}9",
    ):
        assert code in list(clear_codes.codes_in(message, 12)), message
    assert list(clear_codes.codes_in("nothing at all", 12)) == []


@pytest.mark.parametrize("text", ["", "A", "AA!A", "OOOO", "a" * 40])
def test_what_has_other_letters_or_another_length_is_no_code(text: str) -> None:
    assert not clear_codes.is_clear(text)


def test_random_codes_differ_and_are_spelt_as_they_are_typed() -> None:
    made = {clear_codes.random_code(16) for _ in range(100)}

    assert len(made) == 100 and all(clear_codes.is_clear(code) for code in made)
    code = made.pop()
    assert clear_codes.spelt(f" {clear_codes.in_groups(code).lower()} ") == code
