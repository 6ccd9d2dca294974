"""The goods that a change of prices touches, read in portions for one shop."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from kernel import db
from offers.foreign_supply import exchanged_rows
from offers.shelf import READ_AGAIN, RestlessPrices
from offers.statements import Row
from tenants.directory import Shop
from tenants.versions import VERSIONS_OF_PATH

SKUS_AT_ONCE: Final = 500
FIRST: Final = UUID(int=0)
"""Before all SKUs."""

_GOODS: Final = f"""
select {VERSIONS_OF_PATH} as versions,
       (select coalesce(max(rate_bp + second_bp + third_bp), 0) from affiliate_programs
        where tenant_id = $2 and status = 'ACTIVE') as worst_affiliate_bp,
       s.id as sku_id, s.code, s.name_zh, s.name_en, s.face_value_minor, s.face_currency,
       s.category_path, offered.*, limits.*,
       coalesce(own.visible, true) as visible, own.title_override, own.position
from (select s.*, c.path as category_path
      from skus s join products p on p.id = s.product_id and p.status = 'ACTIVE'
      join categories c on c.id = p.category_id
      where s.status = 'ACTIVE' and s.id > $3
        and ($4::boolean or s.id = any ($5::uuid[]) or c.path && $6::uuid[])
        and not exists (select from tenant_listings hidden
                        where hidden.sku_id = s.id and not hidden.visible
                          and hidden.tenant_id = any ($1)
                          and ($8::boolean is false or hidden.tenant_id <> $2))
      order by s.id limit $7) as s
left join lateral (
    select l.id as listing_id, l.supplier_id, l.supply_price_minor, l.min_retail_minor,
           l.max_retail_minor, l.priority, l.currency
    from supplier_listings l join suppliers u on u.id = l.supplier_id and u.status = 'ACTIVE'
    where l.sku_id = s.id and l.status = 'ACTIVE'
) as offered on true
left join lateral (
    select max(floor_minor) as floor_minor, min(ceiling_minor) as ceiling_minor,
           max(floor_minor) filter (where applies_to = 'NET') as net_floor_minor,
           max(floor_minor) filter (where tenant_id <> $2) as floor_above_minor,
           min(ceiling_minor) filter (where tenant_id <> $2) as ceiling_above_minor
    from price_limits where sku_id = s.id and tenant_id = any ($1)
) as limits on true
left join tenant_listings own on own.sku_id = s.id and own.tenant_id = $2
order by s.id, offered.supply_price_minor, offered.priority desc, offered.listing_id"""
"""Values: the path, the shop, the SKU after which the portion begins, then whether
all are meant, or which SKUs and categories; how many; and whether what the shop itself hides is
meant, too."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The goods that a change may touch: all of them, or SKUs and whole categories."""

    everything: bool = False
    sku_ids: frozenset[UUID] = frozenset()
    category_ids: frozenset[UUID] = frozenset()

    @classmethod
    def all(cls) -> "Touched":
        """Mean the whole catalogue."""
        return cls(everything=True)


@dataclass(frozen=True, slots=True)
class DeskSku:
    """One SKU and the offers of it, the cheapest supply first; every row has its limits."""

    row: Row
    offers: tuple[Row, ...]

    @property
    def id(self) -> UUID:
        """The SKU's id."""
        sku_id: UUID = self.row["sku_id"]
        return sku_id

    @property
    def code(self) -> str:
        """What people call the SKU."""
        code: str = self.row["code"]
        return code

    @property
    def category_path(self) -> tuple[UUID, ...]:
        """From the product's own category up to the top."""
        return tuple(reversed(self.row["category_path"]))


@dataclass(frozen=True, slots=True)
class Portion:
    """Some SKUs at one moment, with the versions of the path at that moment."""

    versions: tuple[int, ...]
    skus: tuple[DeskSku, ...]
    last_sku_id: UUID
    is_last: bool


async def read_portion(
    shop: Shop,
    touched: Touched,
    *,
    after: UUID = FIRST,
    size: int = SKUS_AT_ONCE,
    with_own_hidden: bool = False,
) -> Portion | None:
    """Read the next SKUs that the shop sells, in the order of their ids; None after the last.

    What an ancestor hides is never read: for the shop it is not there.
    """
    values = (
        list(shop.path),
        shop.id,
        after,
        touched.everything,
        sorted(touched.sku_ids),
        sorted(touched.category_ids),
        size,
        with_own_hidden,
    )
    rows = await _exchanged(shop, values)
    if not rows:
        return None
    skus = tuple(_sku(list(of_sku)) for _, of_sku in groupby(rows, key=itemgetter("sku_id")))
    return Portion(tuple(rows[0]["versions"]), skus, skus[-1].id, len(skus) < size)


async def _exchanged(shop: Shop, values: Sequence[Any]) -> Sequence[Row]:
    """The rows of a portion, every supply in the shop's currency."""
    for _ in range(READ_AGAIN):
        rows = await db.read(db.core_scope(shop.id, path=shop.path), _GOODS, *values)
        if not rows:
            return rows
        exchanged = await exchanged_rows(shop, rows, rows[0]["versions"][-1])
        if exchanged is not None:
            return exchanged
    raise RestlessPrices


def _sku(rows: Sequence[Row]) -> DeskSku:
    return DeskSku(rows[0], tuple(row for row in rows if row["listing_id"] is not None))


async def portions(
    shop: Shop, touched: Touched, *, after: UUID = FIRST, with_own_hidden: bool = False
) -> AsyncIterator[Portion]:
    """Read all of the goods behind a SKU, portion by portion."""
    while True:
        portion = await read_portion(
            shop, touched, after=after, size=SKUS_AT_ONCE, with_own_hidden=with_own_hidden
        )
        if portion is None:
            return
        yield portion
        if portion.is_last:
            return
        after = portion.last_sku_id
