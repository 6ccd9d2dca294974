"""The files that the demo's suppliers send: keys that look like the real ones and open nothing.

Pure: the same seed makes the same file, so that an import that was killed goes on with it.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import shake_256
from typing import Final

from entrypoints.demo.records import ProductRecord

# Without I, O, 0 and 1, which people mistake for one another.
_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_EARLIEST_EXPIRY_DAYS: Final = 400
_EXPIRY_SPREAD_DAYS: Final = 300


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file's extension and its text."""

    suffix: str
    text: str


def key_file(product: ProductRecord, *, seed: str, count: int, sent_on: date) -> KeyFile:
    """Write `count` keys of a product: CSV where its codes expire, else TXT.

    Codes expire 400 to 699 days after `sent_on`.
    """
    if product.codes_expire:
        return KeyFile(".csv", _csv(product, seed=seed, count=count, sent_on=sent_on))
    lines = (
        f"{serial}----{secret}" if serial else secret
        for serial, secret in _keys(product, seed=seed, count=count)
    )
    return KeyFile(".txt", "".join(f"{line}\n" for line in lines))


def _csv(product: ProductRecord, *, seed: str, count: int, sent_on: date) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("secret", "serial", "expires_at"))
    for number, (serial, secret) in enumerate(_keys(product, seed=seed, count=count)):
        days = _EARLIEST_EXPIRY_DAYS + number * 7 % _EXPIRY_SPREAD_DAYS
        writer.writerow((secret, serial, (sent_on + timedelta(days=days)).isoformat()))
    return text.getvalue()


def _keys(product: ProductRecord, *, seed: str, count: int) -> Iterator[tuple[str, str]]:
    """Serial and secret of each key."""
    for number in range(count):
        yield (
            _written(product.serial, f"{seed}:{number}:serial"),
            _written(product.key, f"{seed}:{number}:secret"),
        )


def _written(pattern: str, seed: str) -> str:
    """The pattern with a digit for each `#`, and a digit or letter for each `*`."""
    choices = shake_256(seed.encode()).digest(len(pattern))
    return "".join(
        str(choice % 10)
        if sign == "#"
        else _ALPHABET[choice % len(_ALPHABET)]
        if sign == "*"
        else sign
        for sign, choice in zip(pattern, choices, strict=True)
    )
