"""Patterns for account numbers: a small language that takes the same time whatever the text.

A pattern is a row of pieces, each a character (`A`, `\\-`), a class (`[A-Z0-9_]`) or `\\d`, with a
bounded count behind it or none: `{8}`, `{6,12}`, `?`. There is no group, no choice, no `*` and no
`+`, so nothing can be tried in endlessly many ways. All ways through a pattern are followed at
once: the places that can be reached so far are the bits of one number.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_PATTERN: Final = 100
"""Characters of a pattern."""
MAX_REPEATS: Final = 200
"""What the counts of a pattern may add up to."""
_PIECE: Final = re.compile(
    r"(\[(?P<class>(?:[A-Za-z0-9 _.@#:/+]|\\[\\\]\[^-]|(?:A-Z|a-z|0-9))+)\]|(?P<digit>\\d)"
    r"|\\(?P<escaped>[][\\?{}^$.*+()|-])|(?P<plain>[A-Za-z0-9 _@#:/-]))"
    r"(?:\{(?P<least>\d{1,3})(?:,(?P<most>\d{1,3}))?\}|(?P<perhaps>\?))?",
    re.ASCII,
)
_RANGES: Final = {
    "A-Z": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "a-z": "abcdefghijklmnopqrstuvwxyz",
    "0-9": "0123456789",
}


class BadPattern(ValueError):
    """This is no pattern of the small language."""


@dataclass(frozen=True, slots=True)
class _Piece:
    letters: frozenset[str]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read."""

    pieces: tuple[_Piece, ...]

    def matches(self, text: str) -> bool:
        """Say whether all of the text follows the pattern."""
        reached = 1  # bit n: the pattern so far can end before the n-th character
        for piece in self.pieces:
            fits = sum(1 << place for place, letter in enumerate(text) if letter in piece.letters)
            for _ in range(piece.least):
                reached = (reached & fits) << 1
            ends = reached
            for _ in range(piece.most - piece.least):
                reached = (reached & fits) << 1
                ends |= reached
            reached = ends
        return bool(reached >> len(text) & 1)


@lru_cache(maxsize=500)
def pattern(text: str) -> Pattern:
    """Read a pattern. Raises `BadPattern` for what is none, or could take long."""
    pieces, place = [], 0
    while place < len(text) <= MAX_PATTERN:
        found = _PIECE.match(text, place)
        if found is None:
            raise BadPattern(f"not a pattern from character {place + 1} on")
        pieces.append(_piece(found))
        place = found.end()
    if not pieces or sum(piece.most for piece in pieces) > MAX_REPEATS:
        raise BadPattern(f"a pattern has 1 to {MAX_PATTERN} characters, and matches no more")
    return Pattern(tuple(pieces))


def _piece(found: re.Match[str]) -> _Piece:
    least = int(found["least"] or 1)
    most = int(found["most"] or least)
    if found["perhaps"]:
        least, most = 0, 1
    if not least <= most:
        raise BadPattern("a count from more to less")
    return _Piece(_letters(found), least, most)


def _letters(found: re.Match[str]) -> frozenset[str]:
    if found["digit"]:
        return frozenset(_RANGES["0-9"])
    if found["class"] is None:
        return frozenset(found["escaped"] or found["plain"])
    inside = found["class"]
    letters: set[str] = set()
    for one in re.findall(r"A-Z|a-z|0-9|\\.|.", inside):
        letters |= set(_RANGES.get(one, one[-1]))
    return frozenset(letters)
