"""Goods: categories, products with one SKU each, suppliers, listings, and a batch for the keys."""

from typing import Final

import asyncpg

CATEGORIES: Final = 8

_CATEGORIES: Final = """
insert into categories (id, path, slug, name_zh, name_en)
select bench.named_id('category:' || n), array[bench.named_id('category:' || n)],
       'category-' || n, '分类 ' || n, 'Category ' || n
from generate_series(0, $1::integer - 1) as n
"""
_SUPPLIERS: Final = """
insert into suppliers (id, name, commission_bp)
select bench.named_id('supplier:' || n), 'supplier ' || n, 500
from generate_series(0, $1::integer - 1) as n
"""
_PRODUCTS: Final = """
insert into products (id, category_id, slug, name_zh, name_en, description_zh, position)
select bench.named_id('product:' || n), bench.named_id('category:' || n % $2::integer),
       'goods-' || lpad(n::text, 5, '0'), '游戏点卡 ' || n, 'Card ' || n, repeat('说明', 60), n
from generate_series(0, $1::integer - 1) as n
"""
_SKUS: Final = """
insert into skus (id, product_id, code, name_zh, name_en, face_value_minor, face_currency)
select bench.named_id('sku:' || n), bench.named_id('product:' || n),
       'goods-' || lpad(n::text, 5, '0'), n || ' 元', 'CNY ' || n, 1000 + 100 * n, 'CNY'
from generate_series(0, $1::integer - 1) as n
"""
_LISTINGS: Final = """
insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)
select bench.named_id('listing:' || n), bench.named_id('supplier:' || n % $2::integer),
       bench.named_id('sku:' || n), 800 + 90 * n, 'CNY'
from generate_series(0, $1::integer - 1) as n
"""
_BATCHES: Final = """
insert into key_batches (id, supplier_listing_id, sku_id, file_hash, status)
select bench.named_id('batch:' || n), bench.named_id('listing:' || n), bench.named_id('sku:' || n),
       sha256(int8send(n)), 'ACCEPTED'
from generate_series(0, $1::integer - 1) as n
"""


async def plant_goods(owner: asyncpg.Connection, *, skus: int, suppliers: int) -> None:
    """Make `skus` products of one SKU each, by turns of the suppliers."""
    await owner.execute(_CATEGORIES, CATEGORIES)
    await owner.execute(_SUPPLIERS, suppliers)
    await owner.execute(_PRODUCTS, skus, CATEGORIES)
    await owner.execute(_SKUS, skus)
    await owner.execute(_LISTINGS, skus, suppliers)
    await owner.execute(_BATCHES, skus)
