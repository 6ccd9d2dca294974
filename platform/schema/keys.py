"""Opening and exporting delivered keys."""

from enum import Enum
from typing import Annotated

import strawberry

from kernel.ids import parse_id
from orders import export, reveal
from schema.context import Info
from schema.order_types import RevealedKey, revealed_key
from schema.problems import Problem, Refusals


@strawberry.input
class KeyRevealInput:
    """All keys of the order, or the named ones."""

    order_no: str
    guest_token: str | None = None
    delivered_key_ids: list[strawberry.ID] | None = None


@strawberry.type
class KeysRevealed:
    """The keys in the clear."""

    keys: list[RevealedKey]


KeyRevealPayload = Annotated[KeysRevealed | Problem, strawberry.union("KeyRevealPayload")]


@strawberry.enum
class ExportFormat(Enum):
    """TXT: a key a line. CSV: a table, safe against formulas."""

    TXT = "TXT"
    CSV = "CSV"


@strawberry.input
class KeysExportInput:
    """An order and a format."""

    order_no: str
    format: ExportFormat
    guest_token: str | None = None


@strawberry.type
class KeysExported:
    """A file: its name and its text."""

    file_name: str
    content: str


KeysExportPayload = Annotated[KeysExported | Problem, strawberry.union("KeysExportPayload")]


@strawberry.type
class KeyMutation:
    """The buyer's keys."""

    @strawberry.mutation(description="Open delivered keys.", extensions=[Refusals()])
    async def key_reveal(self, info: Info, input: KeyRevealInput) -> KeyRevealPayload:
        """Show keys and keep who saw them."""
        context = info.context
        ids = input.delivered_key_ids
        _, keys = await reveal.reveal_keys(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            delivered_key_ids=None
            if ids is None
            else [parse_id("dky", text, field="deliveredKeyIds") for text in ids],
            witness=context.witness,
        )
        return KeysRevealed(keys=[revealed_key(key, context) for key in keys])

    @strawberry.mutation(description="All keys of an order as a file.", extensions=[Refusals()])
    async def keys_export(self, info: Info, input: KeysExportInput) -> KeysExportPayload:
        """Open all keys and write them into one text."""
        context = info.context
        order, keys = await reveal.reveal_keys(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            delivered_key_ids=None,
            witness=context.witness,
            channel="EXPORT",
        )
        as_csv = input.format is ExportFormat.CSV
        content = export.as_csv(keys) if as_csv else export.as_text(keys)
        name = f"{order.no}.{input.format.value.lower()}"
        return KeysExported(file_name=name, content=content)
