"""What an import needs: a supplier's listing in the database, and a file of keys on disk."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement
from supply import holding, pool
from supply.listings import create_supplier, create_supplier_listing
from supply.pool import HoldLost

SELL = Statement.of(
    "moment as materialized (select platform_now() as now)",
    holding.OURS,
    "ready as (select 1 where (select count(*) from ours) = cardinality(:key_ids::uuid[]))",
    holding.SELL,
    then="select exists (select from ready)",
)


@dataclass(frozen=True, slots=True)
class Stall:
    """One supplier with one listing of one SKU."""

    supplier_id: UUID
    listing_id: UUID
    sku_id: UUID


async def plant_sku(owner: asyncpg.Connection) -> UUID:
    category_id, product_id, sku_id = new_id(), new_id(), new_id()
    await owner.execute(
        """insert into categories (id, path, slug, name_zh, name_en)
           values ($1, array[$1::uuid], $2, '类', 'Category')""",
        category_id,
        f"category-{category_id}",
    )
    await owner.execute(
        """insert into products (id, category_id, slug, name_zh, name_en)
           values ($1, $2, $3, '商品', 'Product')""",
        product_id,
        category_id,
        f"product-{product_id}",
    )
    await owner.execute(
        "insert into skus (id, product_id, code, name_zh, name_en) values ($1, $2, $3, '', '')",
        sku_id,
        product_id,
        f"sku-{sku_id}",
    )
    return sku_id


async def share_keys(owner: asyncpg.Connection, sku_id: UUID, *, seats: int) -> None:
    """Make goods of a SKU whose keys so many buyers use at once."""
    await owner.execute(
        "update skus set delivery_mode = 'SHARED_KEY', seats = $2 where id = $1", sku_id, seats
    )


async def open_stall(
    owner: asyncpg.Connection, *, supplier_id: UUID | None = None, sku_id: UUID | None = None
) -> Stall:
    """A listing of a new SKU by a new supplier, unless one of them is given."""
    sku_id = sku_id or await plant_sku(owner)
    supplier_id = supplier_id or await create_supplier(name="Supplier")
    listing_id = await create_supplier_listing(
        supplier_id=supplier_id, sku_id=sku_id, supply_price_minor=9_000, currency="CNY"
    )
    return Stall(supplier_id, listing_id, sku_id)


def secrets_of(count: int, *, seed: int = 1) -> list[str]:
    """Different keys in groups, the same for the same seed."""
    numbers = random.Random(seed).sample(range(36**12), count)
    return [f"{number % 36**6:06X}-{number // 36**6:08X}-{seed:04d}" for number in numbers]


def text_file(folder: Path, lines: Iterable[str], *, name: str = "keys.txt") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    return path


async def rows_written(owner: asyncpg.Connection) -> int:
    """Rows in every table that an import may write to."""
    count: int = await owner.fetchval(
        """select (select count(*) from keys) + (select count(*) from sealed_keys)
                  + (select count(*) from key_batches)
                  + (select count(*) from key_batch_rejections)"""
    )
    return count


async def sell(*, line_id: UUID, key_ids: list[UUID]) -> None:
    """Sell a line's keys by the parts of a sale's statement: all of them or none."""
    values = holding.sale_values([(key_id, line_id) for key_id in key_ids])
    is_held = await pool.is_held(line_id=line_id, key_ids=key_ids)
    assert await db.fetch_value(SELL.sql, *SELL.values(values)) == is_held
    if not is_held:
        raise HoldLost
