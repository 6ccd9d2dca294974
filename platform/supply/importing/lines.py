"""What one line of an import says. Pure: bytes in, a key or the reason against it out.

TXT has one key a line, with its serial before it if there is one:

    serial<TAB>secret      a line is cut at its first tab;
    serial----secret       without a tab, at its first four hyphens;
    serial,secret          without either, at its first comma;
    secret                 without any of them it is the secret alone.

A secret that holds a comma or four hyphens goes into a CSV file, or after a tab.
CSV has a header with the column `secret` and, if needed, `serial` and `expires_at`: an ISO date
(good to the end of that day) or time; without an offset both are Beijing time.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final

from kernel import crypto

MIN_SECRET_CHARS: Final = 4
MAX_SECRET_CHARS: Final = 1_000
MAX_SERIAL_CHARS: Final = 100
_BEIJING: Final = timezone(timedelta(hours=8))
_SEPARATORS: Final = ("\t", "----", ",")
_COLUMNS: Final = ("secret", "serial", "expires_at")


class Outcome(StrEnum):
    """What became of a line."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE_HERE = "DUPLICATE_HERE"
    """The same key stands earlier in the file, or this supplier has uploaded it before."""
    DUPLICATE_ELSEWHERE = "DUPLICATE_ELSEWHERE"
    """The platform has the key already; whose it is, is nobody's business."""
    MALFORMED = "MALFORMED"
    EXPIRED = "EXPIRED"


class Malformed(ValueError):
    """A line that cannot be a key. It never carries the line."""


class NoSecretColumn(ValueError):
    """A CSV header without exactly one column `secret`, or with a column twice."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key as the supplier wrote it, normalised."""

    secret: str = field(repr=False)
    serial: str
    """Empty: to be made from the batch and the line number."""
    expires_at: datetime | None


LineParser = Callable[[str], KeyLine]


def parse_line(raw: bytes | None, *, encoding: str, parse: LineParser) -> KeyLine | None:
    """Read one line: a key, or None if it is blank; `Malformed` otherwise."""
    if raw is None:
        raise Malformed
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise Malformed from None
    return parse(text) if text.strip() else None


def parse_text_line(text: str) -> KeyLine:
    """Read a line of a TXT file by the rule at the top; may be `Malformed`."""
    for separator in _SEPARATORS:
        serial, found, secret = text.partition(separator)
        if found:
            return _key_line(secret=secret, serial=serial)
    return _key_line(secret=text)


def csv_parser(header: str) -> LineParser:
    """Make the reader of a CSV file's lines from its header.

    Columns may stand in any order, others are ignored. Raises `NoSecretColumn`.
    """
    try:
        names = [name.strip().lower() for name in _cells(header)]
    except Malformed:
        raise NoSecretColumn from None
    if "secret" not in names or any(names.count(name) > 1 for name in _COLUMNS):
        raise NoSecretColumn
    places = {name: names.index(name) for name in _COLUMNS if name in names}

    def parse(text: str) -> KeyLine:
        cells = _cells(text)
        if len(cells) > len(names):  # a comma that was not quoted: whose is the rest?
            raise Malformed
        values = {name: cells[at] for name, at in places.items() if at < len(cells)}
        return _key_line(
            secret=values.get("secret", ""),
            serial=values.get("serial", ""),
            expires_at=values.get("expires_at", ""),
        )

    return parse


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader((text,), strict=True))
    except (csv.Error, StopIteration):
        raise Malformed from None


def _key_line(*, secret: str, serial: str = "", expires_at: str = "") -> KeyLine:
    secret, serial = crypto.normalised(secret), crypto.normalised(serial)
    # `isprintable` refuses control and invisible characters, which make two keys look the same.
    if not (MIN_SECRET_CHARS <= len(secret) <= MAX_SECRET_CHARS and secret.isprintable()):
        raise Malformed
    if len(serial) > MAX_SERIAL_CHARS or not serial.isprintable():
        raise Malformed
    return KeyLine(secret, serial, _parse_expiry(expires_at.strip()))


def _parse_expiry(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = _parse_moment(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=_BEIJING)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed from None


def _parse_moment(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        return datetime.fromisoformat(text)
