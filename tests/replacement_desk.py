"""Replacements in tests: two suppliers of one SKU, and an operator who replaces bad keys."""

from uuid import UUID

from deposit_desk import OPERATOR, put_down
from kernel.ids import new_id
from orders.replacements import replacing
from orders.replacements.replacing import Wish
from sales import Purchase, SalesDesk, key
from world import Goods, World, plant_row

DEPOSIT_MINOR = 50_000


async def second_supplier(world: World, supply_minor: int = 8_200, *, keys: int = 0) -> Goods:
    """Another supplier of the world's SKU, at its own price and the same commission."""
    supplier_id, listing_id = new_id(), new_id()
    await plant_row(
        world.owner,
        "suppliers",
        id=supplier_id,
        name=f"supplier B {supplier_id}",
        commission_bp=500,
    )
    await plant_row(
        world.owner,
        "supplier_listings",
        id=listing_id,
        supplier_id=supplier_id,
        sku_id=world.goods.sku_id,
        supply_price_minor=supply_minor,
        currency="CNY",
    )
    goods = Goods(
        world.goods.product_id, world.goods.sku_id, listing_id, supplier_id, world.goods.slug
    )
    if keys:
        await world.keys(keys, goods)
    return goods


async def sold(desk: SalesDesk, quantity: int = 1, *, opened: bool = True) -> Purchase:
    """Keys of the first supplier for 105.00 each by card, its deposit, and no key more of it."""
    world = desk.world
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await world.keys(quantity)
    await put_down("SUPPLIER", world.goods.supplier_id, DEPOSIT_MINOR)
    star = await world.affiliate("star", rate_bp=300)
    order = await desk.order(quantity, affiliate_code="star")
    purchase = await order.paid()
    assert star.id
    if opened:
        await purchase.reveal()
    return purchase


async def keys_of(purchase: Purchase) -> list[UUID]:
    """The keys that the buyer has now, by when they came."""
    rows = await purchase.desk.owner.fetch(
        "select id from delivered_keys where order_id = $1 and returned_at is null order by id",
        purchase.id,
    )
    return [row["id"] for row in rows]


async def replace(
    purchase: Purchase,
    key_id: UUID | None = None,
    *,
    reason: str = "not valid",
    elsewhere: bool = True,
    idempotency_key: str | None = None,
) -> UUID:
    """An operator replaces a key, the first one unless it is named; returns the one for it."""
    bad = key_id or (await keys_of(purchase))[0]
    wish = Wish(purchase.no, bad, reason, elsewhere)
    await ask_for_another(purchase, wish, idempotency_key=idempotency_key)
    another: UUID = await purchase.desk.owner.fetchval(
        "select replaced_by from delivered_keys where id = $1", bad
    )
    return another


async def ask_for_another(
    purchase: Purchase, wish: Wish, *, idempotency_key: str | None = None
) -> UUID:
    """The same, and nothing is looked at."""
    return await replacing.replace_key(
        shop=purchase.shop, actor=OPERATOR, wish=wish, idempotency_key=idempotency_key or key()
    )
