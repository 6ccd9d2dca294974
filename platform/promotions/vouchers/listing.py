"""The shop's batches of vouchers, for its desk: how many were redeemed, and what is still owed."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from promotions.vouchers.batches import BATCH_COLUMNS, Batch
from tenants.directory import Shop

_ABOUT: Final = "voucher batches"
_PAGE: Final = f"""
select {BATCH_COLUMNS},
       (select count(*) from vouchers redeemed
        where redeemed.tenant_id = batch.tenant_id and redeemed.batch_id = batch.id
          and redeemed.redeemed_at is not null) as redeemed
from voucher_batches batch
where batch.tenant_id = $1 and ($2::uuid is null or batch.id < $2)
  and ($3::uuid is null or batch.id = $3)
order by batch.id desc limit $4
"""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch, and how many of its codes were redeemed."""

    batch: Batch
    redeemed: int

    @property
    def owed_minor(self) -> int:
        """What its open codes are worth, in minor units."""
        is_open = self.batch.state in ("ACTIVE", "BLOCKED")
        return (self.batch.count - self.redeemed) * self.batch.value_minor if is_open else 0


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of batches, the newest first."""

    rows: tuple[BatchView, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def batches_page(shop: Shop, *, first: int | None, after: str | None) -> BatchPage:
    """A page of the shop's batches. Raises `Invalid`."""
    size = cursors.page_size(first)
    mark = cursors.read(after, tenant_id=shop.id, about=_ABOUT)
    found = await _read(shop, after=UUID(mark[0]) if mark else None, only=None, limit=size + 1)
    shown = found[:size]
    marks = [cursors.write([str(one.batch.id)], tenant_id=shop.id, about=_ABOUT) for one in shown]
    return BatchPage(tuple(shown), tuple(marks), len(found) > size)


async def batch_view(shop: Shop, batch_id: UUID) -> BatchView:
    """One batch of the shop's; `NotFound` for another's and for none at all."""
    found = await _read(shop, after=None, only=batch_id, limit=1)
    if not found:
        raise NotFound("There is no such batch of vouchers.", field="batchId")
    return found[0]


async def _read(
    shop: Shop, *, after: UUID | None, only: UUID | None, limit: int
) -> list[BatchView]:
    rows = await db.read(db.core_scope(shop.id, path=shop.path), _PAGE, shop.id, after, only, limit)
    views = []
    for row in rows:
        *batch, redeemed = row.values()
        views.append(BatchView(Batch(*batch), redeemed))
    return views
