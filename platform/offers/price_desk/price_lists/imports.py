"""Asking for the import of a price list, and how far it has got.

An import is a row that the worker finds (`turns.py`): ten thousand lines take longer than a request
may. One import of a shop is under way at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import NotFound, Refusal
from kernel.ids import new_id
from offers.price_desk.price_lists.progress import Progress, progress_of
from tenants.directory import Shop

FORGOTTEN_AT_ONCE: Final = 500

# Of all who ask at once, the unique index on what is under way lets one through.
_START: Final = """
with made as (
    insert into price_imports (tenant_id, id, file_id, dry_run)
    select tenant_id, $3, id, $4 from price_files where tenant_id = $1 and id = $2
    on conflict (tenant_id) where ended_at is null do nothing
    returning id
)
select (select id from made) as made,
       exists (select from price_files where tenant_id = $1 and id = $2) as has_file"""
_IMPORT: Final = """
select id, file_id, dry_run, state, progress::text as progress from price_imports
where tenant_id = $1 and {which}"""
_UNDER_WAY: Final = _IMPORT.format(which="ended_at is null and $2::uuid is not null")
_BY_ID: Final = _IMPORT.format(which="id = $2")


class ImportUnderWay(Refusal):
    """Another price list of the shop is being imported."""

    code = "IMPORT_UNDER_WAY"


class ImportTooSlow(Refusal):
    """The import has not ended within an hour."""

    code = "IMPORT_TOO_SLOW"


def too_slow() -> ImportTooSlow:
    """Say that an import is given up."""
    return ImportTooSlow("The import took too long: send the price list again.", field="uploadId")


@dataclass(frozen=True, slots=True)
class PriceImport:
    """One import as its shop sees it.

    WAITING for a worker, CHECKING against the guards, TRYING a dry run out in the shops below, then
    DONE, or REFUSED with nothing written.
    """

    id: UUID
    dry_run: bool
    state: str
    progress: Progress

    @property
    def written(self) -> bool:
        """True when the shop's prices are those of the file."""
        return self.state == "DONE" and not self.dry_run


async def start_import(shop: Shop, upload_id: UUID, *, dry_run: bool) -> PriceImport:
    """Have an uploaded price list imported, or tried out; asked again, it is the same import.

    Raises `NotFound` for an upload that is not the shop's, and `ImportUnderWay`.
    """
    import_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        try:
            row = await db.fetch_row(_START, shop.id, upload_id, import_id, dry_run)
        except asyncpg.ForeignKeyViolationError:  # the upload has gone this moment
            raise NotFound("There is no such upload.", field="uploadId") from None
        assert row is not None
        if not row["has_file"]:
            raise NotFound("There is no such upload.", field="uploadId")
        if row["made"] is not None:
            return PriceImport(import_id, dry_run, "WAITING", Progress())
        other = await db.fetch_row(_UNDER_WAY, shop.id, upload_id)
        if other is not None and (other["file_id"], other["dry_run"]) == (upload_id, dry_run):
            return _import(other)
    raise ImportUnderWay("Another price list is being imported: wait for it.", field="uploadId")


async def price_import(shop: Shop, import_id: UUID) -> PriceImport:
    """Read an import; raises `NotFound` for one that is not the shop's."""
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _BY_ID, shop.id, import_id)
    if not rows:
        raise NotFound("There is no such import.", field="importId")
    return _import(rows[0])


def _import(row: Mapping[str, Any]) -> PriceImport:
    return PriceImport(row["id"], row["dry_run"], row["state"], progress_of(row["progress"]))


async def forget_imports() -> int:
    """Delete imports that ended a day ago; returns how many."""
    async with db.transaction(db.every_tenant(reason="forget imports of yesterday")):
        return await db.execute(
            """delete from price_imports where ctid in (
                   select ctid from price_imports
                   where ended_at < platform_now() - interval '1 day' limit $1)""",
            FORGOTTEN_AT_ONCE,
        )
