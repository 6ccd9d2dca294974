"""Price lists as files: addresses to fetch them from and send them to, and their import."""

from enum import Enum
from typing import Annotated

import strawberry

from kernel.ids import parse_id, public_id
from offers.price_desk import files
from offers.price_desk.files import Way
from offers.price_desk.price_lists import imports
from offers.price_desk.sheets import FileFormat
from schema.context import Context, Info
from schema.price_list_types import PriceListAddress, PriceListImport, import_type
from schema.problems import Problem, Refusals


@strawberry.enum(description="What a price list is written as.")
class PriceListFormat(Enum):
    """CSV in UTF-8, or an Excel workbook."""

    CSV = "CSV"
    XLSX = "XLSX"


@strawberry.input(description="What will be sent to the address: a file of at most 10 MB, by PUT.")
class PriceListUploadInput:
    """The format of the file."""

    format: PriceListFormat


@strawberry.input(description="Which upload is imported; with `dryRun` it is only tried out.")
class PriceListImportInput:
    """One import of a shop is under way at a time."""

    upload_id: strawberry.ID
    dry_run: bool = True


PriceListAddressPayload = Annotated[
    PriceListAddress | Problem, strawberry.union("PriceListAddressPayload")
]
PriceListImportPayload = Annotated[
    PriceListImport | Problem, strawberry.union("PriceListImportPayload")
]


async def _address(context: Context, way: Way, chosen: PriceListFormat) -> PriceListAddress:
    file_format = FileFormat(chosen.value)
    ticket = await files.issue_ticket(
        context.shop, way=way, file_format=file_format, english=context.english
    )
    return PriceListAddress(
        url=f"{context.origin}/price-lists/{ticket.token}",
        upload_id=strawberry.ID(public_id("plf", ticket.file_id)),
        expires_at=ticket.expires_at,
    )


@strawberry.type
class PriceListQuery:
    """Price lists out."""

    @strawberry.field(
        description="An address to fetch the shop's own price list from, by GET.",
        extensions=[Refusals()],
    )
    async def price_list_export(
        self, info: Info, format: PriceListFormat
    ) -> PriceListAddressPayload:
        """Sign an address."""
        return await _address(info.context, "OUT", format)

    @strawberry.field(
        description="How far an import of a price list has got.", extensions=[Refusals()]
    )
    async def price_list_import(
        self, info: Info, import_id: strawberry.ID
    ) -> PriceListImportPayload:
        """Read an import."""
        which = parse_id("pli", import_id, field="importId")
        return import_type(await imports.price_import(info.context.shop, which), info.context)


@strawberry.type
class PriceListMutation:
    """Price lists in."""

    @strawberry.mutation(description="An address to send a price list to.", extensions=[Refusals()])
    async def price_list_upload_start(
        self, info: Info, input: PriceListUploadInput
    ) -> PriceListAddressPayload:
        """Sign an address."""
        return await _address(info.context, "IN", input.format)

    @strawberry.mutation(
        description="Have an uploaded price list imported, or tried out. Asked again while it is "
        "under way, it is the same import.",
        extensions=[Refusals()],
    )
    async def price_list_import(
        self, info: Info, input: PriceListImportInput
    ) -> PriceListImportPayload:
        """Import."""
        upload_id = parse_id("plf", input.upload_id, field="uploadId")
        started = await imports.start_import(info.context.shop, upload_id, dry_run=input.dry_run)
        return import_type(started, info.context)
