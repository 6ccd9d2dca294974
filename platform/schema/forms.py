"""What a buyer must say for a SKU: the fields, the check while typing, and what was said."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from catalog.forms.fields import MAX_FIELDS
from catalog.forms.fields import FormField as StoredField
from kernel.errors import Invalid
from kernel.ids import parse_id
from offers.form_values import Answer, check_form
from offers.quotes import MAX_LINES
from schema.context import Context, Info
from schema.problems import Problem, Refusals, problem


@strawberry.enum
class FormFieldKind(Enum):
    """What a value must be; every value is sent as text."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    SELECT = "SELECT"
    ACCOUNT_ID = "ACCOUNT_ID"


@strawberry.type
class FormChoice:
    """One of the values of a SELECT, and what people read."""

    value: str
    label: str


@strawberry.type(description="One thing that a buyer of this SKU is asked for.")
class FormField:
    """Lengths are in characters, bounds those of a NUMBER. `pattern` is a subset of regular
    expressions. What is typed into a `sensitive` field is not shown."""

    name: str
    kind: FormFieldKind
    label: str
    help: str
    required: bool
    sensitive: bool
    min_length: int
    max_length: int
    least: int | None
    most: int | None
    pattern: str | None
    choices: list[FormChoice] = strawberry.field(metadata={"assumed_size": 5})


@strawberry.type(description="What a buyer has said for a line.")
class FormAnswer:
    """`label` is the words by which it was asked."""

    name: str
    label: str
    value: str
    sensitive: bool


@strawberry.input
class FormValueInput:
    """The value of the field with this name."""

    field_name: str
    value: str


@strawberry.input
class LineFormInput:
    """What the buyer says for the line of this SKU."""

    sku_id: strawberry.ID
    values: list[FormValueInput]


@strawberry.type(description="What would be wrong with these values in an order.")
class FormChecked:
    """Of each problem `field` is `form.<name>`; without any the values can be ordered with."""

    problems: list[Problem] = strawberry.field(metadata={"assumed_size": 3})


FormValidatePayload = Annotated[FormChecked | Problem, strawberry.union("FormValidatePayload")]


@strawberry.type
class FormQuery:
    """Checking a form while it is filled in."""

    @strawberry.field(description="Check values as an order would.", extensions=[Refusals()])
    async def form_validate(self, info: Info, input: LineFormInput) -> FormValidatePayload:
        """Check; nothing is kept."""
        context = info.context
        sku_id = parse_id("sku", input.sku_id, field="skuId")
        found = await check_form(context.shop, sku_id=sku_id, values=values_of(input.values))
        return FormChecked(problems=[problem(one, context) for one in found.problems])


def values_of(given: Sequence[FormValueInput]) -> dict[str, str]:
    """Read values by their names. Raises `Invalid` for more than a form can have."""
    if len(given) > MAX_FIELDS:
        raise Invalid(f"A form has at most {MAX_FIELDS} fields.", field="form")
    return {one.field_name: one.value for one in given}


def forms_of(given: Sequence[LineFormInput] | None) -> dict[UUID, dict[str, str]]:
    """Read what is said for each SKU of an order."""
    if given and len(given) > MAX_LINES:
        raise Invalid(f"One to {MAX_LINES} lines at once.", field="form")
    return {
        parse_id("sku", one.sku_id, field="skuId"): values_of(one.values) for one in given or ()
    }


def form_field(stored: StoredField, context: Context) -> FormField:
    """Put a field into the caller's language."""
    return FormField(
        name=stored.name,
        kind=FormFieldKind(stored.kind.value),
        label=context.words(stored.label_zh, stored.label_en),
        help=context.words(stored.help_zh, stored.help_en),
        required=stored.required,
        sensitive=stored.sensitive,
        min_length=stored.min_length,
        max_length=stored.max_length,
        least=stored.least,
        most=stored.most,
        pattern=stored.pattern or None,
        choices=[
            FormChoice(value=one.value, label=context.words(one.label_zh, one.label_en))
            for one in stored.choices
        ],
    )


def form_answer(answer: Answer, context: Context) -> FormAnswer:
    """Put an answer into the caller's language."""
    return FormAnswer(
        name=answer.name,
        label=context.words(answer.label_zh, answer.label_en),
        value=answer.value,
        sensitive=answer.sensitive,
    )
