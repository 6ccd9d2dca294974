"""Price lists on their way in and out: signed addresses, and what was uploaded.

A request of the API holds 256 KB and a price list 10 MB, so files travel beside it (api 7). Whoever
may ask for an address gets one that names the shop, what it is for and when it ends; the address is
the permission. An upload waits for its import for an hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from kernel import crypto, db
from kernel.errors import Forbidden, NotFound, RateLimited
from kernel.ids import new_id
from offers.price_desk.sheets import FileFormat
from offers.price_desk.sheets.bounds import require_size
from tenants.directory import Shop

Way = Literal["IN", "OUT"]
ADDRESS_LASTS: Final = timedelta(minutes=10)
MAX_WAITING: Final = 5
"""Uploads of one shop that nobody has imported."""
FORGOTTEN_AT_ONCE: Final = 50
_PURPOSE: Final = "price-file"


@dataclass(frozen=True, slots=True)
class FileTicket:
    """A signed address: `token` is its secret part, `file_id` names the file in it."""

    token: str
    file_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FileAddress:
    """What a signed address says."""

    tenant_id: UUID
    way: Way
    file_id: UUID
    file_format: FileFormat
    english: bool


async def issue_ticket(
    shop: Shop, *, way: Way, file_format: FileFormat, english: bool
) -> FileTicket:
    """Sign an address under which one price list goes in or out, for ten minutes."""
    [row] = await db.read(db.core_scope(shop.id), "select platform_now() as now")
    expires_at = (row["now"] + ADDRESS_LASTS).replace(microsecond=0)
    file_id = new_id()
    payload = {
        "t": str(shop.id),
        "w": way,
        "i": str(file_id),
        "f": file_format,
        "n": english,
        "e": int(expires_at.timestamp()),
    }
    return FileTicket(crypto.sign(_PURPOSE, orjson.dumps(payload)), file_id, expires_at)


async def read_ticket(token: str, *, shop: Shop, way: Way) -> FileAddress:
    """Read a signed address; raises `Forbidden` for one that is not of this shop, or has ended."""
    raw = crypto.unsign(_PURPOSE, token)
    payload: dict[str, Any] = orjson.loads(raw) if raw is not None else {}
    [row] = await db.read(db.core_scope(shop.id), "select platform_now() as now")
    if (payload.get("t"), payload.get("w")) != (str(shop.id), way) or (
        row["now"].timestamp() > payload["e"]
    ):
        raise Forbidden("This address has ended: ask for a new one.")
    return FileAddress(
        tenant_id=shop.id,
        way=way,
        file_id=UUID(payload["i"]),
        file_format=FileFormat(payload["f"]),
        english=payload["n"],
    )


async def keep_upload(address: FileAddress, content: bytes) -> None:
    """Keep an uploaded price list until it is imported; the same address again replaces it.

    Raises `FileRefused` for its size, `RateLimited` when too many wait.
    """
    require_size(content)
    async with db.transaction(db.core_scope(address.tenant_id)):
        # In a line, so that two uploads at once do not both count the other out.
        await db.execute("select from tenants where id = $1 for no key update", address.tenant_id)
        await db.execute("delete from price_files where id = $1", address.file_id)
        kept = await db.execute(
            """insert into price_files (tenant_id, id, format, content)
               select $1, $2, $3, $4
               where (select count(*) from price_files where tenant_id = $1) < $5""",
            address.tenant_id,
            address.file_id,
            address.file_format,
            content,
            MAX_WAITING,
        )
        if not kept:
            raise RateLimited("Too many price lists wait for their import.", field="file")


async def uploaded(shop: Shop, file_id: UUID) -> tuple[FileFormat, bytes]:
    """The price list that was uploaded under an address; `NotFound` if there is none."""
    rows = await db.read(
        db.core_scope(shop.id, path=shop.path),
        "select format, content from price_files where tenant_id = $1 and id = $2",
        shop.id,
        file_id,
    )
    if not rows:
        raise NotFound("There is no such upload.", field="uploadId")
    return FileFormat(rows[0]["format"]), rows[0]["content"]


async def forget_uploads() -> int:
    """Delete uploads that nobody imported within an hour; returns how many."""
    async with db.transaction(db.every_tenant(reason="forget price lists nobody imported")):
        return await db.execute(
            """delete from price_files where ctid in (
                   select ctid from price_files
                   where created_at < platform_now() - interval '1 hour'
                     and not exists (select from price_imports
                                     where file_id = price_files.id and ended_at is null)
                   limit $1)""",
            FORGOTTEN_AT_ONCE,
        )
