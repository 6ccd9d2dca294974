"""Price lists as files: addresses to fetch them from and send them to, and their import."""

from enum import Enum
from typing import Annotated

import strawberry

from kernel.ids import parse_id, public_id
from offers.price_desk import files, price_lists
from offers.price_desk.files import Way
from offers.price_desk.sheets import FileFormat
from schema.context import Context, Info
from schema.price_desk_types import PriceListAddress, PriceListReport
from schema.price_desk_views import report_type
from schema.problems import Problem, Refusals


@strawberry.enum(description="What a price list is written as.")
class PriceListFormat(Enum):
    """CSV in UTF-8, or an Excel workbook."""

    CSV = "CSV"
    XLSX = "XLSX"


@strawberry.input(description="What will be sent to the address: a file of at most 5 MB, by PUT.")
class PriceListUploadInput:
    """The format of the file."""

    format: PriceListFormat


@strawberry.input(description="Imports an uploaded price list, all or nothing.")
class PriceListImportInput:
    """With `dryRun` nothing is written."""

    upload_id: strawberry.ID
    dry_run: bool = True


PriceListAddressPayload = Annotated[
    PriceListAddress | Problem, strawberry.union("PriceListAddressPayload")
]
PriceListReportPayload = Annotated[
    PriceListReport | Problem, strawberry.union("PriceListReportPayload")
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
        description="Read an uploaded price list, and write it unless it is a dry run.",
        extensions=[Refusals()],
    )
    async def price_list_import(
        self, info: Info, input: PriceListImportInput
    ) -> PriceListReportPayload:
        """Import."""
        upload_id = parse_id("plf", input.upload_id, field="uploadId")
        shop = info.context.shop
        report = await price_lists.import_price_list(shop, upload_id, dry_run=input.dry_run)
        return report_type(report, shop.currency)
