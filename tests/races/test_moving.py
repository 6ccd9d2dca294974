"""Hundreds of sales below a tenant while it is lost, and the shop that sells moves away from it."""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from entrypoints.verify import verify
from kernel import db
from kernel.errors import Refusal
from kernel.ids import new_id
from kernel.settings import Settings
from offers import quotes
from offers.quotes import Wish
from orders import paying, placing, placing_statements
from orders.checkout import Buyer
from orders.drafts import Draft
from orders.placing_statements import Way
from orders.records import Viewer
from races.crowd import Outcome, all_at_once
from races.mutants import changed
from tenants import reviews
from tenants.directory import Shop, current_shop
from world import World

pytestmark = pytest.mark.engines

FREE, HELD_UP, AFTERWARDS = 240, 40, 40
PRICE_MINOR = 11_000
PRICE_AFTER_MINOR = 10_500
"""Without the agent's 5.00 in it."""


class Rush:
    """Buyers who come before, while and after the shop moves; some have been held up between the
    price and the order until it has moved."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.moved = asyncio.Event()
        self.moved_at: datetime | None = None
        self.waiting = 0
        self.all_wait = asyncio.Event()
        self._place = placing.place_at_once
        monkeypatch.setattr(placing, "place_at_once", self._place_when_due)
        self._held_up: set[str] = set()

    async def run(self) -> Outcome[None]:
        """Plant, and let everybody come at once."""
        await self.world.keys(FREE + HELD_UP + AFTERWARDS)
        await self.world.owner.execute(
            "update tenants set on_parent_loss = 'REPARENT' where id = $1", self.world.shop.id
        )
        customer = await self.world.customer(
            wallet_minor=(FREE + HELD_UP + AFTERWARDS) * PRICE_MINOR
        )
        buys = [self._buy(customer.id, held_up=False) for _ in range(FREE)]
        late = [self._buy(customer.id, held_up=True) for _ in range(HELD_UP)]
        after = [self._buy_afterwards(customer.id) for _ in range(AFTERWARDS)]
        crowd = [*late, *buys[: FREE // 2], self._lose(), *buys[FREE // 2 :], *after]
        return await all_at_once(crowd)

    async def _buy_afterwards(self, customer_id: Any) -> None:
        await self.moved.wait()
        await self._buy(customer_id, held_up=False)

    async def _buy(self, customer_id: Any, *, held_up: bool) -> None:
        key = new_id().hex
        if held_up:
            self._held_up.add(key)
        shop = await _as_seen_now(self.world)
        wish = Wish(self.world.goods.sku_id, 1)
        (line,) = await quotes.price_wishes(shop, [wish])
        await paying.quick_buy(
            shop=shop,
            buyer=Buyer(customer_id),
            wish=wish,
            expected_total_minor=line.total_minor,
            contact=None,
            affiliate_code=None,
            method="WALLET",
            idempotency_key=key,
        )

    async def _lose(self) -> None:
        await self.all_wait.wait()
        await reviews.suspend(tenant_id=self.world.agent.id, actor="operator:test", reason="")
        self.moved_at = await self.world.owner.fetchval("select clock_timestamp()")
        self.moved.set()

    async def _place_when_due(self, draft: Draft) -> Any:
        if draft.request.key in self._held_up:
            self.waiting += 1
            if self.waiting == HELD_UP:
                self.all_wait.set()
            await self.moved.wait()
        return await self._place(draft)


async def _as_seen_now(world: World) -> Shop:
    async with db.transaction(db.core_scope(), read_only=True):
        return await current_shop(world.shop.id)


async def faults_of(rush: Rush, outcome: Outcome[None], owner: asyncpg.Connection) -> list[str]:
    """What is wrong after the rush; an empty list is good news."""
    world = rush.world
    found = [repr(error) for error in outcome.errors[:3]]
    lost, before, after = world.agent.id, list(world.shop.path), [world.root.id, world.shop.id]
    orders = await owner.fetch(
        """select o.path, o.created_at, o.total_minor,
                  array_agg(s.party_id order by s.party_id) filter (where s.party_kind = 'TENANT')
                      as parties, sum(s.amount_minor)::bigint as shared_minor
           from orders o join line_shares s on s.order_id = o.id group by o.id, o.tenant_id"""
    )
    late = [row for row in orders if lost in row["path"] and row["created_at"] > rush.moved_at]
    if late:
        found.append(f"{len(late)} sold through the lost parent")
    prices = {tuple(before): PRICE_MINOR, tuple(after): PRICE_AFTER_MINOR}
    for row in orders:
        if prices.get(tuple(row["path"])) != row["total_minor"] != row["shared_minor"]:
            found.append(f"a wrong price or split on the path {row['path']}")
        if set(row["parties"]) != set(row["path"]) - {world.root.id}:
            found.append(f"shares of {row['parties']} on the path {row['path']}")
    if set(outcome.refused) - {"QUOTE_EXPIRED", "PRICE_CHANGED", "OUT_OF_STOCK"}:
        found.append(f"refused: {outcome.refused}")
    return found


async def test_no_sale_goes_through_a_parent_that_is_lost_and_every_split_is_its_paths(
    world: World, database: Settings, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rush = Rush(world, monkeypatch)
    outcome = await rush.run()
    assert await faults_of(rush, outcome, owner) == []
    assert outcome.refused["QUOTE_EXPIRED"] >= HELD_UP
    paths = Counter(len(row["path"]) for row in await owner.fetch("select path from orders"))
    assert paths[3] + paths[2] == len(outcome.done) - 1
    assert paths[2] >= AFTERWARDS
    assert await verify(database.database_url) == []


async def test_without_a_look_at_the_path_sales_go_through_the_lost_parent(
    world: World, database: Settings, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = placing_statements.at_once(Way(pays=True))
    path = sale.names.index("path") + 1
    naive = changed(sale, f"::uuid, ${path}::uuid[])", "::uuid, null)")
    monkeypatch.setattr(placing_statements, "at_once", lambda _: naive)
    rush = Rush(world, monkeypatch)
    outcome = await rush.run()
    found = await faults_of(rush, outcome, owner)
    assert any("sold through the lost parent" in fault for fault in found)


async def test_an_order_from_before_the_move_is_paid_as_it_was_made(
    world: World, database: Settings, owner: asyncpg.Connection
) -> None:
    await world.keys(1)
    await owner.execute(
        "update tenants set on_parent_loss = 'REPARENT' where id = $1", world.shop.id
    )
    customer = await world.customer(wallet_minor=PRICE_MINOR)
    shop = await _as_seen_now(world)
    made = await paying.quick_buy(
        shop=shop,
        buyer=Buyer(customer.id),
        wish=Wish(world.goods.sku_id, 1),
        expected_total_minor=PRICE_MINOR,
        contact=None,
        affiliate_code=None,
        method=None,
        idempotency_key=new_id().hex,
    )
    await reviews.suspend(tenant_id=world.agent.id, actor="operator:test", reason="")
    order_no = await owner.fetchval("select no from orders where id = $1", made.order_id)
    started = await paying.start_payment(
        shop=await _as_seen_now(world),
        viewer=Viewer(customer_id=customer.id, guest_token=None),
        order_no=order_no,
        method="WALLET",
        wallet_minor=PRICE_MINOR,
        return_url="http://shop.localhost/",
        idempotency_key=new_id().hex,
    )
    assert started.status == "SUCCEEDED"
    earned = await owner.fetch("select party_id from line_shares where party_kind = 'TENANT'")
    assert {row["party_id"] for row in earned} == {world.agent.id, world.shop.id}
    assert await verify(database.database_url) == []


async def test_a_quote_from_before_the_move_is_refused_with_the_new_price(
    world: World, database: Settings, owner: asyncpg.Connection
) -> None:
    await world.keys(1)
    await owner.execute(
        "update tenants set on_parent_loss = 'REPARENT' where id = $1", world.shop.id
    )
    quoted = await quotes.quote(await _as_seen_now(world), [Wish(world.goods.sku_id, 1)])
    assert quoted.total_minor == PRICE_MINOR
    await reviews.suspend(tenant_id=world.agent.id, actor="operator:test", reason="")
    with pytest.raises(Refusal) as refused:
        await quotes.redeem(await _as_seen_now(world), quoted.id)
    assert refused.value.code == "PRICE_CHANGED"
    assert refused.value.details == {"totalMinor": PRICE_AFTER_MINOR}
