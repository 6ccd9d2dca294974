"""Which host names a shop may bring: their one spelling, and what is nobody's to bring. Pure."""

import re
import unicodedata
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import idna
from publicsuffixlist import PublicSuffixList

from kernel.errors import Invalid

LONGEST_HOST: Final = 230
"""Characters. A name in the DNS has 253, and the proof stands below the host."""
_LONGEST_INPUT: Final = 500

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
#: Names that never lead anywhere on the internet (RFC 6761 and its like).
_SPECIAL: Final = frozenset({"localhost", "local", "internal", "invalid", "onion", "arpa", "alt"})
#: Scripts that one language writes together. Any other mixture only serves to deceive.
_WRITTEN_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"CJK", "BOPOMOFO"}),
    frozenset({"CJK", "HANGUL"}),
)


def own_host(text: str, *, platform_hosts: frozenset[str]) -> str:
    """Give the ASCII spelling of a host that a shop wants to bring.

    `platform_hosts` and whatever stands below them are the platform's. Raises `Invalid` for
    those, an address, a single label, a public suffix alone, a name too long, a label that mixes
    scripts, and everything that is no host name.
    """
    host = _ascii(text)
    labels = host.split(".")
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid("This is not a host name.", field="host")
    if len(labels) < 2 or _is_address(host) or labels[-1].isdigit():
        raise Invalid("This is not a host name.", field="host")
    if any(host == own or host.endswith(f".{own}") for own in platform_hosts):
        raise Invalid("This host is the platform's own.", field="host")
    if labels[-1] in _SPECIAL or _suffixes().privatesuffix(host) is None:
        raise Invalid("Nobody can own this host.", field="host")
    if any(_mixes_scripts(label) for label in shown_host(host).split(".")):
        raise Invalid("A part of this host mixes scripts.", field="host")
    return host


def shown_host(host: str) -> str:
    """Write an ASCII host as people write it; staff sees both spellings."""
    try:
        shown: str = idna.decode(host)
    except idna.IDNAError:
        return host
    return shown


def _ascii(text: str) -> str:
    name = text.strip().removesuffix(".")
    if not name or len(name) > _LONGEST_INPUT:
        raise Invalid("This is not a host name.", field="host")
    try:
        host: str = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise Invalid("This is not a host name.", field="host") from None
    return host.lower()


def _mixes_scripts(label: str) -> bool:
    scripts = {_script(letter) for letter in label if not (letter.isascii() and _neutral(letter))}
    scripts.discard("")
    return len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER)


def _neutral(letter: str) -> bool:
    return letter.isdigit() or letter == "-"


def _script(letter: str) -> str:
    """The script of a letter, by the first word of its name; marks belong to their letter."""
    if unicodedata.category(letter).startswith("M"):
        return ""
    return unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
