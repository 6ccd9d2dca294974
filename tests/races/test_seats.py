"""Few seats of shared keys, hundreds of buyers: every seat is one buyer's, and no secret has more
holders than seats."""

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from entrypoints.verify import verify
from kernel import db
from kernel.settings import Settings
from offers.quotes import NotEnough
from orders import placing_statements, refunds
from orders.checkout import OrderMade
from orders.placing_statements import Way
from orders.records import Viewer
from orders.reveal import Witness, reveal_keys
from races.crowd import Outcome, all_at_once
from races.customers import rich_customers
from races.mutants import gate_that_opens_for_two, that_waits_at_the_gate, without
from races.purchases import PRICE_MINOR, key_statuses, promised_twice, quick_buy
from supplier_stalls import secrets_of, share_keys, text_file
from supply.importing import import_keys
from tenants.directory import Shop
from world import Person, World

pytestmark = pytest.mark.engines

KEYS, SEATS, BUYERS = 2, 5, 300


@pytest.fixture
async def shared(world: World, shop: Shop, tmp_path: Path) -> list[str]:
    """Two keys of five seats each; their secrets."""
    await share_keys(world.owner, world.goods.sku_id, seats=SEATS)
    secrets = secrets_of(KEYS)
    path = text_file(tmp_path, secrets)
    await import_keys(supplier_listing_id=world.goods.listing_id, path=path)
    return secrets


async def rush(shop: Shop, world: World, people: list[Person]) -> Outcome[OrderMade]:
    """Each buys one seat from the wallet."""
    return await all_at_once(
        quick_buy(shop, world.goods, customer_id=person.id, method="WALLET") for person in people
    )


async def opened(shop: Shop, world: World, person: Person) -> str:
    """The secret that a buyer reads."""
    order_no = await world.owner.fetchval("select no from orders where customer_id = $1", person.id)
    _, keys = await reveal_keys(
        shop=shop,
        viewer=Viewer(customer_id=person.id),
        order_no=order_no,
        delivered_key_ids=None,
        witness=Witness(f"customer:{person.id}", "127.0.0.1", "tests"),
    )
    (key,) = keys
    return key.secret


async def holders(world: World, people: list[Person]) -> list[Person]:
    rows = await world.owner.fetch("select customer_id from orders where payment_status = 'PAID'")
    bought: set[UUID] = {row["customer_id"] for row in rows}
    return [person for person in people if person.id in bought]


async def test_three_hundred_buyers_get_ten_seats_and_each_secret_has_five_holders(
    shop: Shop, world: World, shared: list[str], database: Settings
) -> None:
    people = await rich_customers(world, BUYERS, wallet_minor=PRICE_MINOR)
    outcome = await rush(shop, world, people)
    assert outcome.errors == []
    assert outcome.refused == {"OUT_OF_STOCK": BUYERS - KEYS * SEATS}
    assert await key_statuses(world.owner, world.goods) == {"SOLD": KEYS * SEATS}
    assert await promised_twice(world.owner) == []

    lucky = await holders(world, people)
    read = Counter([await opened(shop, world, person) for person in lucky])
    assert read == dict.fromkeys(shared, SEATS)
    evidence = await world.owner.fetch("select actor, count(*) from key_reveals group by actor")
    assert {row["actor"] for row in evidence} == {f"customer:{person.id}" for person in lucky}
    assert await verify(database.database_url) == []


async def test_an_unopened_seat_comes_back_and_is_sold_again(
    shop: Shop, world: World, shared: list[str], database: Settings
) -> None:
    people = await rich_customers(world, KEYS * SEATS + 1, wallet_minor=PRICE_MINOR)
    *early, late = people
    await rush(shop, world, early)
    (refused,) = (await rush(shop, world, [late])).refused
    assert refused == NotEnough.code
    order = await world.owner.fetchrow(
        """select o.no, l.id from orders o join order_lines l on l.order_id = o.id
           where o.customer_id = $1""",
        early[0].id,
    )
    assert order is not None
    await refunds.return_unrevealed(
        shop=shop,
        viewer=Viewer(customer_id=early[0].id),
        order_no=order["no"],
        line_id=order["id"],
        quantity=None,
        idempotency_key="back",
    )
    assert len((await rush(shop, world, [late])).done) == 1
    assert await opened(shop, world, late) in shared
    assert await key_statuses(world.owner, world.goods) == {"SOLD": 9, "REVEALED": 1}
    assert await verify(database.database_url) == []


async def test_a_held_seat_is_nobodys_once_its_time_is_over(
    shop: Shop, world: World, shared: list[str]
) -> None:
    await all_at_once(quick_buy(shop, world.goods) for _ in range(KEYS * SEATS))
    assert (await all_at_once([quick_buy(shop, world.goods)])).refused == {"OUT_OF_STOCK": 1}
    await world.shift_clock("16 minutes")
    assert len((await all_at_once([quick_buy(shop, world.goods)])).done) == 1
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        free = await db.fetch_value("select free_keys($1, 0, 100)", world.goods.listing_id)
    assert free == KEYS * SEATS - 1


async def test_the_check_notices_seats_that_are_looked_for_without_a_lock(
    shop: Shop, world: World, shared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = placing_statements.at_once(Way())
    naive = that_waits_at_the_gate(without("for update skip locked", order))
    monkeypatch.setattr(placing_statements, "at_once", lambda _: naive)
    async with gate_that_opens_for_two():
        await all_at_once(quick_buy(shop, world.goods) for _ in range(30))
    assert await promised_twice(world.owner) != []
