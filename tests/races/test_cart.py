"""One customer's cart, many hands at once: what was put in is in, and there are twenty lines."""

from uuid import UUID

import pytest

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers.cart import carts, storing
from offers.cart.carts import CartChange
from offers.cart.lines import CartLine, CartWish
from offers.cart.storing import Cart, Holder
from offers.quotes import Wish
from races.crowd import Outcome, all_at_once
from races.mutants import Meeting
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

HANDS, KINDS = 200, 22


async def rush(shop: Shop, customer_id: UUID, sku_ids: list[UUID]) -> Outcome[CartChange]:
    """Each hand puts one piece in."""
    holder = Holder(customer_id)
    return await all_at_once(
        carts.add_lines(shop, holder, [CartWish(Wish(sku_id, 1))], ip="") for sku_id in sku_ids
    )


async def pieces(world: World) -> tuple[int, int]:
    """How many lines there are, and how many pieces."""
    row = await world.owner.fetchrow("select count(*), coalesce(sum(quantity), 0) from cart_lines")
    return row[0], row[1]


async def test_what_hundreds_of_hands_put_in_adds_up_and_stays_within_twenty_lines(
    shop: Shop, world: World, database: Settings
) -> None:
    sku_ids = []
    for number in range(KINDS):
        goods = await world.more_goods(f"kind-{number}")
        await world.keys(HANDS // KINDS + 1, goods)
        sku_ids.append(goods.sku_id)
    customer = await world.customer()
    outcome = await rush(shop, customer.id, [sku_ids[n % KINDS] for n in range(HANDS)])

    assert outcome.errors == []
    assert set(outcome.refused) == {"VALIDATION"}
    assert await pieces(world) == (20, len(outcome.done))


async def test_the_check_notices_hands_that_do_not_lock_the_cart(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look what is in the cart, add to it, write it back."""
    await world.keys(5)
    customer = await world.customer()
    await rush(shop, customer.id, [world.goods.sku_id])
    cart_id = await world.owner.fetchval("select id from carts")
    meeting, read = Meeting(), storing.read

    async def without_lock(shop: Shop, customer_id: UUID) -> UUID:
        return UUID(str(cart_id))

    async def read_together(shop: Shop, holder: Holder) -> Cart | None:
        found = await read(shop, holder)
        await meeting.join()
        return found

    monkeypatch.setattr(storing, "lock_customers", without_lock)
    monkeypatch.setattr(storing, "read", read_together)
    outcome = await rush(shop, customer.id, [world.goods.sku_id] * 2)
    assert len(outcome.done) == 2
    assert await pieces(world) == (1, 2)  # one and two more would be three


async def test_the_database_itself_refuses_a_slot_that_is_taken_or_does_not_exist(
    shop: Shop, world: World, database: Settings
) -> None:
    """Whatever the code believes: the slot is the bound."""
    customer = await world.customer()
    await world.keys(1)
    await rush(shop, customer.id, [world.goods.sku_id])
    cart_id = await world.owner.fetchval("select id from carts")
    line = CartLine(new_id(), 21, world.goods.sku_id, world.goods.listing_id, 1, 100)
    outcome = await all_at_once([_write(shop, cart_id, line)])
    assert "cart_lines_slot_check" in str(outcome.errors)
    assert await pieces(world) == (1, 1)


async def _write(shop: Shop, cart_id: UUID, line: CartLine) -> None:
    async with db.transaction(storing.core_scope(shop)):
        await storing.write_lines(shop, cart_id, [line])
