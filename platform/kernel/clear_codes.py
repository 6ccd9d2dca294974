"""Codes that people copy by hand: letters that are not taken for each other, and one that checks.

The alphabet has 23 letters, a prime number, and each place counts differently. So one wrong
letter, or two neighbours in each other's place, never leave the check right (the principle of
ISO 7064). Without B G I L O Q S U V Y Z, 0 and 1, no letter is left that looks like another one.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import Final

LETTERS: Final = "23456789ACDEFHJKMNPRTWX"
_VALUES: Final = {letter: value for value, letter in enumerate(LETTERS)}
_NO_LETTER: Final = re.compile(f"[^{LETTERS}]")
LONGEST: Final = len(LETTERS) - 2
"""Letters of a code with its check: beyond, two places would count alike."""


def with_check(body: str) -> str:
    """Add the letter that checks the others."""
    return body + LETTERS[_weighed(body)]


def is_clear(code: str) -> bool:
    """Say whether these are letters of ours, and the last one checks the others."""
    if not 2 <= len(code) <= LONGEST or _NO_LETTER.search(code):
        return False
    return _VALUES[code[-1]] == _weighed(code[:-1])


def _weighed(body: str) -> int:
    return sum(place * _VALUES[letter] for place, letter in enumerate(body, 2)) % len(LETTERS)


def random_code(length: int) -> str:
    """Make a code of so many letters that nobody guesses; the last one checks the others."""
    return with_check("".join(secrets.choice(LETTERS) for _ in range(length - 1)))


def code_of(digest: bytes, length: int) -> str:
    """Make the one code of a digest: the same bytes give the same code."""
    number = int.from_bytes(hashlib.sha256(digest).digest(), "big")
    letters = []
    for _ in range(length - 1):
        number, value = divmod(number, len(LETTERS))
        letters.append(LETTERS[value])
    return with_check("".join(letters))


def spelt(text: str) -> str:
    """Read what somebody has typed: capitals, and nothing between them."""
    return re.sub(r"[\s-]", "", text).upper()


def in_groups(code: str, size: int = 4) -> str:
    """Write a code for people: `7A2K-9RTX-…`."""
    return "-".join(code[start : start + size] for start in range(0, len(code), size))


def codes_in(text: str, length: int) -> Iterator[str]:
    """Give every code of so many letters that stands in a text, however it is broken up.

    Banks put words before and behind, and drop or add separators: each stretch that checks counts.
    """
    letters = re.sub(r"[^0-9A-Z]", "", text.upper())
    found = (letters[start : start + length] for start in range(len(letters) - length + 1))
    return iter(dict.fromkeys(code for code in found if is_clear(code)))
