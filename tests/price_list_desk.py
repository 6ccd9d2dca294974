"""Price lists in tests: sent as people send them, and imported as the worker does."""

from uuid import UUID

from offers.price_desk import files
from offers.price_desk.price_lists import imports, turns
from offers.price_desk.price_lists.imports import PriceImport
from offers.price_desk.sheets import FileFormat
from tenants.directory import Shop

HEADING = "sku,visible,title,rule,value,rounding,unit"
RULES = "sku,for,whom,from_quantity,rule,value,starts,ends"


def a_csv(*rows: str, heading: str = HEADING) -> bytes:
    """A file of these rows."""
    return "\r\n".join([heading, *rows]).encode()


async def upload(shop: Shop, content: bytes, *, file_format: FileFormat = FileFormat.CSV) -> UUID:
    """Send a file to a signed address; returns the upload's id."""
    ticket = await files.issue_ticket(shop, way="IN", file_format=file_format, english=True)
    address = await files.read_ticket(ticket.token, shop=shop, way="IN")
    await files.keep_upload(address, content)
    return ticket.file_id


async def work_off() -> None:
    """What the worker does about imports, until there is none left."""
    while await turns.import_price_lists():
        pass


async def imported(
    shop: Shop,
    content: bytes,
    *,
    dry_run: bool = False,
    file_format: FileFormat = FileFormat.CSV,
) -> PriceImport:
    """Send a file and have it imported; returns what came of it."""
    upload_id = await upload(shop, content, file_format=file_format)
    started = await imports.start_import(shop, upload_id, dry_run=dry_run)
    await work_off()
    return await imports.price_import(shop, started.id)
