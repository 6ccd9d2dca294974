"""What a buyer says for a line, held against the SKU's form: the same check while typing, in the
cart's order and in a quick buy."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from catalog.forms.fields import MAX_FIELDS, FieldKind, FormField, form_fields
from catalog.forms.patterns import pattern
from identity.contact import normalised_email, normalised_phone
from kernel import crypto
from kernel.errors import Invalid, NotFound
from offers import shelf
from offers.quotes import QuotedLine
from offers.shelf import ShelfSku
from tenants.directory import Shop

Values = Mapping[str, str]
_NAME: Final = re.compile(r"[a-z0-9_]{1,30}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said for one field, with the words by which it was asked."""

    name: str
    label_zh: str
    label_en: str
    value: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """The values as they are kept, each in its one spelling, and what is wrong with them: of each
    problem `field` is `form.<name>`."""

    values: dict[str, str]
    problems: tuple[Invalid, ...]


def fields_of(sku: ShelfSku) -> tuple[FormField, ...]:
    """The fields that a buyer of this SKU fills in."""
    return form_fields(sku.row["form_fields"])


async def check_form(shop: Shop, *, sku_id: UUID, values: Values) -> Checked:
    """Check values while they are typed, in one statement; nothing is kept.

    Raises `NotFound` for what the shop does not sell.
    """
    one = (sku_id, 1)
    skus = await shelf.skus_by_id(shop, [one], stock_bound=1)
    if one not in skus:
        raise NotFound("This shop does not sell that.", field="skuId")
    return checked(fields_of(skus[one]), values)


def answers_of_lines(
    lines: Sequence[QuotedLine], said: Mapping[UUID, Values]
) -> dict[UUID, tuple[Answer, ...]]:
    """What is kept of each SKU that asks for something, by the SKU.

    Raises `Invalid` with the field `form.<name>` for the first value that is wrong or missing, and
    for words about goods that are not in the order.
    """
    forms: dict[UUID, tuple[Answer, ...]] = {}
    if said.keys() - {line.sku.id for line in lines}:
        raise Invalid("This order has nothing that asks for that.", field="form")
    for line in lines:
        answers = answered(fields_of(line.sku), said.get(line.sku.id, {}))
        if answers:
            forms[line.sku.id] = answers
    return forms


def answered(fields: Sequence[FormField], values: Values) -> tuple[Answer, ...]:
    """What is kept of values that are all right. Raises `Invalid` for the first that is not."""
    found = checked(fields, values)
    if found.problems:
        raise found.problems[0]
    return _answers(fields, found.values)


def _answers(fields: Sequence[FormField], kept: Values) -> tuple[Answer, ...]:
    return tuple(
        Answer(one.name, one.label_zh, one.label_en, kept[one.name], one.sensitive)
        for one in fields
        if one.name in kept
    )


def checked(fields: Sequence[FormField], values: Values) -> Checked:
    """Hold values against fields, all of them."""
    kept: dict[str, str] = {}
    problems: list[Invalid] = []
    known = {field.name for field in fields}
    for name in list(values)[: MAX_FIELDS + 1]:
        if name not in known:
            problems.append(_problem(name, Invalid("This form has no such field.")))
    for field in fields:
        text = crypto.normalised(values.get(field.name, ""))
        try:
            kept |= {field.name: _kept(field, text)} if text or field.required else {}
        except Invalid as refusal:
            problems.append(_problem(field.name, refusal))
    return Checked(kept, tuple(problems))


def _problem(name: str, refusal: Invalid) -> Invalid:
    """A field's name is a client's text: what is no name is not repeated."""
    refusal.field = f"form.{name if _NAME.fullmatch(name) else '?'}"
    return refusal


def _kept(field: FormField, text: str) -> str:
    """The value in its one spelling. Raises `Invalid`; `field` is said by the caller."""
    if not text:
        raise Invalid("This field must be filled in.")
    if field.kind is FieldKind.EMAIL:
        text = normalised_email(text)
    elif field.kind is FieldKind.PHONE:
        text = normalised_phone(text)
    elif field.kind is FieldKind.NUMBER:
        return _number(field, text)
    elif field.kind is FieldKind.SELECT:
        if text not in {choice.value for choice in field.choices}:
            raise Invalid("Choose one of those that are offered.")
        return text
    if not field.min_length <= len(text) <= field.max_length:
        raise Invalid(f"This field has {field.min_length} to {field.max_length} characters.")
    if not text.isprintable():
        raise Invalid("This field has printable characters only.")
    if field.pattern and not pattern(field.pattern).matches(text):
        raise Invalid("This is not such an account number.")
    return text


def _number(field: FormField, text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise Invalid("This is not a whole number.")
    number = int(text)
    if field.least is not None and number < field.least:
        raise Invalid(f"The number is at least {field.least}.")
    if field.most is not None and number > field.most:
        raise Invalid(f"The number is at most {field.most}.")
    return str(number)
