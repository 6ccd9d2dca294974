"""What may be written in a shop: plain text, and links in it.

The one mark is `[words](https://…)`; an empty line begins a paragraph. Everything else means what
it looks like: characters that cannot be seen, or that turn the others round, are refused.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernel.errors import Invalid
from tenants.storefronts.addresses import is_address

MOST_LINKS: Final = 20  # of one text
_LINK: Final = re.compile(r"\[([^\[\]\n]{1,100})\]\(([^()\s]{1,500})\)")
_PARAGRAPHS: Final = re.compile(r"\n\s*\n")
#: Controls, invisible format characters (zero width, turning left to right), halves of surrogate
#: pairs, private and unassigned characters, separators of lines.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Letters that are drawn as nothing: Hangul fillers, the blank braille cell, the joiner.
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_MARKS_ON_A_LETTER: Final = 3


class TextKind(StrEnum):
    """What a shop says, and where: its name on the pages, news, and pages of their own."""

    BRAND = "BRAND"
    ANNOUNCEMENT = "ANNOUNCEMENT"
    ABOUT = "ABOUT"
    TERMS = "TERMS"
    PRIVACY = "PRIVACY"
    REFUNDS = "REFUNDS"


LONGEST: Final = {
    TextKind.BRAND: 40,
    TextKind.ANNOUNCEMENT: 1_000,
    TextKind.ABOUT: 10_000,
    TextKind.TERMS: 10_000,
    TextKind.PRIVACY: 10_000,
    TextKind.REFUNDS: 10_000,
}
"""In characters."""
PAGES: Final = (TextKind.ABOUT, TextKind.TERMS, TextKind.PRIVACY, TextKind.REFUNDS)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a paragraph; with `href` it is a link."""

    text: str
    href: str | None = None


def checked_text(kind: TextKind, text: str) -> str:
    """Return a text as it is stored; "" takes the text away.

    Raises `Invalid` for one that is too long, that holds what cannot be seen, or that links to
    anything but an https address.
    """
    clean = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    longest = LONGEST[kind]
    if len(clean) > longest:
        raise Invalid(f"This text has at most {longest} characters.", field="texts")
    if kind is TextKind.BRAND and "\n" in clean:
        raise Invalid("A name is one line.", field="texts")
    require_visible(clean, field="texts")
    targets = [target for _, target in _LINK.findall(clean)]
    if len(targets) > MOST_LINKS or not all(map(is_address, targets)):
        message = f"A text has at most {MOST_LINKS} links, and only to https addresses."
        raise Invalid(message, field="texts")
    return clean


def require_visible(text: str, *, field: str) -> None:
    """Raise `Invalid` for a text with characters that are not seen, or that hide others."""
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        unseen = category in _UNSEEN and character != "\n"
        if unseen or character in _FILLERS or marks > _MARKS_ON_A_LETTER:
            message = "A text has no invisible characters, and none that turn the others round."
            raise Invalid(message, field=field)


def paragraphs(text: str) -> list[list[Span]]:
    """Take a text apart: paragraphs of words and links."""
    return [list(_spans(part.strip())) for part in _PARAGRAPHS.split(text) if part.strip()]


def _spans(paragraph: str) -> Iterator[Span]:
    end = 0
    for link in _LINK.finditer(paragraph):
        words, target = link.groups()
        if not is_address(target):
            continue
        if link.start() > end:
            yield Span(paragraph[end : link.start()])
        yield Span(words, target)
        end = link.end()
    if end < len(paragraph):
        yield Span(paragraph[end:])
