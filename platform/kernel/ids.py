"""Ids: time-ordered UUIDs inside, opaque typed text outside.

An id is made by the application, so that a row can be bound to its id (encryption) and related
rows can be written in one statement. Outside, `prd_01j…` says what it names and nothing else;
an id of another kind is refused before any query.
"""

import secrets
from uuid import UUID

from kernel.clock import unix_milliseconds
from kernel.errors import NotFound

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's, lower case
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
# Two letters at a time: ids are written by the dozen on every page.
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)


def new_id() -> UUID:
    """A new UUID, version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    random_bits = secrets.randbits(74)
    high, low = random_bits >> 62, random_bits & ((1 << 62) - 1)
    value = (unix_milliseconds() & ((1 << 48) - 1)) << 80
    return UUID(int=value | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def unix_seconds_of(identifier: UUID) -> int:
    """When an id was made, in whole seconds since the epoch by its maker's clock."""
    return (identifier.int >> 80) // 1_000


def public_id(kind: str, identifier: UUID) -> str:
    """The outside form of an id: its kind, `_`, and 26 letters."""
    value = identifier.int
    return (
        f"{kind}_{_PAIRS[value >> 120]}{_PAIRS[value >> 110 & 1023]}{_PAIRS[value >> 100 & 1023]}"
        f"{_PAIRS[value >> 90 & 1023]}{_PAIRS[value >> 80 & 1023]}{_PAIRS[value >> 70 & 1023]}"
        f"{_PAIRS[value >> 60 & 1023]}{_PAIRS[value >> 50 & 1023]}{_PAIRS[value >> 40 & 1023]}"
        f"{_PAIRS[value >> 30 & 1023]}{_PAIRS[value >> 20 & 1023]}{_PAIRS[value >> 10 & 1023]}"
        f"{_PAIRS[value & 1023]}"
    )


def parse_id(kind: str, text: str, *, field: str | None = None) -> UUID:
    """The id inside an outside form; anything but an id of this kind is `NotFound`."""
    prefix, _, letters = text.rpartition("_")
    if prefix != kind or len(letters) != _LENGTH:
        raise NotFound(f"There is no such {_NAMES.get(kind, 'thing')}.", field=field)
    value = 0
    for letter in letters:
        digit = _VALUES.get(letter)
        if digit is None:
            raise NotFound(f"There is no such {_NAMES.get(kind, 'thing')}.", field=field)
        value = value << 5 | digit
    if value >> 128:
        raise NotFound(f"There is no such {_NAMES.get(kind, 'thing')}.", field=field)
    return UUID(int=value)


_NAMES = {
    "cat": "category",
    "prd": "product",
    "sku": "SKU",
    "ctl": "cart line",
    "sct": "saved contact",
    "crd": "saved card",
    "ofr": "offer",
    "ord": "order",
    "lin": "order line",
    "dky": "delivered key",
    "pay": "payment",
    "ref": "refund",
    "cus": "customer",
    "ten": "tenant",
    "dom": "domain",
    "aff": "affiliate",
    "apg": "program",
    "alk": "link",
    "arv": "review",
    "bat": "key batch",
    "sup": "supplier",
    "lst": "supplier listing",
    "rul": "price rule",
    "grd": "grade",
    "tir": "tier",
    "prm": "promotion",
    "plf": "upload",
    "pli": "import",
    "whk": "webhook",
    "wdl": "webhook delivery",
    "stf": "member",
    "inv": "invitation",
    "tiv": "invitation",
    "apc": "API client",
    "evt": "event",
    "sev": "event",
    "cpn": "coupon",
    "adj": "correction",
    "fxr": "exchange rate",
    "pty": "party",
    "bkl": "bank line",
    "bks": "bank statement",
    "vob": "voucher batch",
    "rit": "item",
    "chl": "challenge",
    "pym": "payout method",
    "pyt": "payout",
    "pyb": "payout batch",
    "dph": "hold",
    "frf": "claim",
    "cas": "case",
    "dsp": "dispute",
    "stm": "statement",
}
