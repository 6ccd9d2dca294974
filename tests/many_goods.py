"""Goods by the thousand, planted in a moment."""

from world import World


async def plant_many(world: World, count: int, *, supply_minor: int = 8_000) -> list[str]:
    """So many products with one SKU each, offered by the world's supplier; returns their codes."""
    rows = await world.owner.fetch(
        """with made as (
               select gen_random_uuid() as product_id, gen_random_uuid() as sku_id,
                      'many-' || lpad(number::text, 5, '0') as code
               from generate_series(1, $1::integer) as number
           ), products as (
               insert into products (id, category_id, slug, name_zh, name_en)
               select product_id, $2, code, code, code from made
           ), skus as (
               insert into skus (id, product_id, code, name_zh, name_en, face_value_minor,
                                 face_currency)
               select sku_id, product_id, code, code, code, 10000, 'CNY' from made
           ), listings as (
               insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)
               select gen_random_uuid(), $3, sku_id, $4, 'CNY' from made
           )
           select code from made order by code""",
        count,
        world.category_id,
        world.goods.supplier_id,
        supply_minor,
    )
    return [row["code"] for row in rows]
