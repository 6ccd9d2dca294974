"""Goods that a person delivers, written by the owner for tests of other processes."""

from kernel.ids import new_id
from world import Goods, World, plant_batch


async def plant_by_hand(
    world: World, goods: Goods, *, mode: str = "MANUAL", minutes: int = 60, places: int = 2
) -> None:
    """Let the supplier deliver the goods by hand, so many pieces."""
    await world.owner.execute(
        "update skus set delivery_mode = $2, manual_minutes = $3 where id = $1",
        goods.sku_id,
        mode,
        minutes,
    )
    await world.owner.execute(
        "update supplier_listings set by_hand = true where id = $1", goods.listing_id
    )
    batch_id = await plant_batch(world.owner, goods)
    await world.owner.execute(
        """with sealed as (
               insert into sealed_keys (id, batch_id, serial)
               select id, $4, 'place' from unnest($1::uuid[]) as id returning id
           )
           insert into keys (id, supplier_listing_id, sku_id, position)
           select id, $2, $3, nextval('key_positions') from sealed""",
        [new_id() for _ in range(places)],
        goods.listing_id,
        goods.sku_id,
        batch_id,
    )
