"""The fields of a SKU's form, as they stand in `skus.form_fields`: read, checked, written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from catalog.forms.patterns import BadPattern, pattern
from kernel import db
from kernel.errors import Invalid, NotFound

MAX_FIELDS: Final = 12
MAX_TEXT: Final = 200
"""Characters of a value."""
MAX_CHOICES: Final = 50
_MAX_WORDS: Final = 200
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,29}", re.ASCII)


class FieldKind(StrEnum):
    """What a value must be."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    SELECT = "SELECT"
    ACCOUNT_ID = "ACCOUNT_ID"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of a SELECT, and what people read."""

    value: str
    label_zh: str
    label_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. Lengths are in characters; of a NUMBER `least` and `most` are its bounds."""

    name: str
    kind: FieldKind
    label_zh: str
    label_en: str = ""
    help_zh: str = ""
    help_en: str = ""
    required: bool = True
    sensitive: bool = False
    """A password, say: pages do not show what is typed."""
    min_length: int = 1
    max_length: int = MAX_TEXT
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    """Of an ACCOUNT_ID, in the language of `patterns.py`; empty for any."""
    choices: tuple[Choice, ...] = ()


@lru_cache(maxsize=2_000)
def form_fields(stored: str) -> tuple[FormField, ...]:
    """Read the fields out of the column's text, which is JSON."""
    return tuple(_field(one) for one in orjson.loads(stored))


def _field(one: Mapping[str, Any]) -> FormField:
    choices = tuple(Choice(**choice) for choice in one.get("choices", ()))
    return FormField(**{**one, "kind": FieldKind(one["kind"]), "choices": choices})


def stored_form(fields: Sequence[FormField]) -> str:
    """Write fields as the column's text. Raises `Invalid` for a form that nobody could fill in."""
    if len(fields) > MAX_FIELDS:
        raise Invalid(f"A form has at most {MAX_FIELDS} fields.", field="fields")
    if len({one.name for one in fields}) != len(fields):
        raise Invalid("Each field of a form has a name of its own.", field="name")
    for one in fields:
        _require_usable(one)
    return orjson.dumps([asdict(one) for one in fields]).decode()


async def define_form(*, sku_id: UUID, fields: Sequence[FormField]) -> None:
    """Ask every buyer of a SKU for these fields from now on.

    Orders that are made keep what was said for them. Raises `Invalid` and `NotFound`.
    """
    stored = stored_form(fields)
    async with db.transaction(db.core_scope()):
        found = await db.execute(
            "update skus set form_fields = $2::text::jsonb where id = $1", sku_id, stored
        )
        if not found:
            raise NotFound("There is no such SKU.", field="skuId")


def _require_usable(one: FormField) -> None:
    texts = (one.label_zh, one.label_en, one.help_zh, one.help_en)
    if not _NAME.fullmatch(one.name):
        raise Invalid("A field's name has small letters, digits and _.", field="name")
    if not one.label_zh or not all(map(_may_be_shown, texts)):
        raise Invalid(f"A field's words have at most {_MAX_WORDS} characters.", field="label")
    if not 1 <= one.min_length <= one.max_length <= MAX_TEXT:
        raise Invalid(f"A value has 1 to {MAX_TEXT} characters.", field="length")
    if one.least is not None and one.most is not None and one.least > one.most:
        raise Invalid("The least is at most the most.", field="least")
    if (one.kind is FieldKind.SELECT) != (1 <= len(one.choices) <= MAX_CHOICES):
        raise Invalid(f"A choice is among 1 to {MAX_CHOICES}.", field="choices")
    words = [text for choice in one.choices for text in (choice.value, choice.label_zh)]
    if not (all(words) and all(map(_may_be_shown, words))):
        raise Invalid("Each choice has a value and its words.", field="choices")
    if one.pattern and one.kind is not FieldKind.ACCOUNT_ID:
        raise Invalid("Only an account number follows a pattern.", field="pattern")
    try:
        if one.pattern:
            pattern(one.pattern)
    except BadPattern:
        raise Invalid("This pattern cannot be used: see the documentation.", field="pattern") from (
            None
        )


def _may_be_shown(text: str) -> bool:
    return len(text) <= _MAX_WORDS and (not text or text.isprintable())
