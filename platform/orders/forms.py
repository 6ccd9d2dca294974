"""What a buyer has said for the lines of an order, sealed for each line; and the orders' own part
of the sale's statement that writes it, where there is something to write."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from identity.contact import open_field, seal_field
from kernel.crypto import Sealed
from offers.form_values import Answer

_COLUMN: Final = "order_forms.form"

WRITE_FORMS: Final = """
the_forms as (
    insert into order_forms (tenant_id, order_id, line_id, form, form_key_id)
    select :tenant_id::uuid, :order_id::uuid, said.*
    from ready, unnest(:form_lines::uuid[], :forms::bytea[], :form_key_ids::smallint[]) as said
)
"""
"""Stands beside `write_order` in the statement of an order that was asked for something."""


def form_values(forms: Mapping[UUID, Sealed]) -> dict[str, Any]:
    """Give the values of `WRITE_FORMS`."""
    return {
        "form_lines": list(forms),
        "forms": [sealed.ciphertext for sealed in forms.values()],
        "form_key_ids": [sealed.key_id for sealed in forms.values()],
    }


def seal_form(answers: Sequence[Answer], *, line_id: UUID) -> Sealed:
    """Encrypt the answers for their line, with the words by which they were asked: the SKU's form
    may be another one tomorrow."""
    text = orjson.dumps([asdict(answer) for answer in answers]).decode()
    return seal_field(text, row_id=line_id, column=_COLUMN)


@dataclass(frozen=True, slots=True)
class LineForm:
    """The sealed answers of one line; whoever may see them opens them."""

    line_id: UUID
    sealed: Sealed

    def answers(self) -> list[Answer]:
        """Decrypt what the buyer has said."""
        text = open_field(self.sealed, row_id=self.line_id, column=_COLUMN)
        return [Answer(**answer) for answer in orjson.loads(text)]
