"""What becomes of an order is told to whoever listens on its path, and to nobody else."""

import json

import asyncpg
import pytest

from entrypoints.verify import verify
from kernel.settings import settings
from listeners import plant_endpoint, told, told_types
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def test_a_sale_that_nobody_hears_of_writes_no_event(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    rich = await desk.world.customer(wallet_minor=50_000)
    await (await desk.order(by=rich)).paid("WALLET", wallet_minor=11_000)

    assert await desk.owner.fetchval("select count(*) from outbox_events") == 0
    assert await desk.owner.fetchval("select bool_or(is_heard) from orders") is False


async def test_a_sale_from_the_wallet_is_told_in_its_order(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await plant_endpoint(desk.owner, desk.world.shop.id)
    rich = await desk.world.customer(wallet_minor=50_000)

    purchase = await desk.order(by=rich)
    await purchase.paid("WALLET", wallet_minor=11_000)

    events = await told(desk.owner, desk.world.shop.id)
    assert [event["type"] for event in events] == [
        "order.created", "order.paid", "order.delivered",
    ]  # fmt: skip
    assert {event["object_id"] for event in events} == {purchase.id}
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences))
    assert await verify(settings().database_url) == []


async def test_only_what_an_endpoint_wants_is_written(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await plant_endpoint(desk.owner, desk.world.shop.id, event_types=["order.expired"])

    await desk.order()
    await desk.world.shift_clock("16 minutes")
    await desk.sweep()

    assert await told_types(desk.owner, desk.world.shop.id) == ["order.expired"]


async def test_an_ancestor_hears_of_its_childs_order_and_reads_no_price(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await plant_endpoint(desk.owner, desk.world.root.id, event_types=["order.created"])

    purchase = await desk.order()

    (event,) = await told(desk.owner, desk.world.root.id)
    assert event["object_id"] == purchase.id
    assert json.loads(event["details"]) == {
        "status": "PENDING_PAYMENT",
        "currency": "CNY",
        "childId": str(desk.world.agent.id),
    }
    assert await told(desk.owner, desk.world.shop.id) == []


async def test_a_refund_is_told_of_an_order_that_was_made_before_anybody_listened(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    rich = await desk.world.customer(wallet_minor=50_000)
    purchase = await desk.order(by=rich)
    await purchase.paid("WALLET", wallet_minor=11_000)
    await plant_endpoint(desk.owner, desk.world.shop.id)

    await purchase.give_back()

    assert await told_types(desk.owner, desk.world.shop.id) == ["order.refunded"]
    assert await verify(settings().database_url) == []


async def test_an_endpoint_that_goes_takes_the_tenants_ear_with_it(desk: SalesDesk) -> None:
    hears = "select hears_orders from tenants where id = $1"
    shop_id = desk.world.shop.id
    endpoint_id = await plant_endpoint(desk.owner, shop_id)
    other_id = await plant_endpoint(desk.owner, shop_id, event_types=["balance.low"], slot=2)
    assert await desk.owner.fetchval(hears, shop_id)

    off = "update webhook_endpoints set status = 'OFF' where id = $1"
    await desk.owner.execute(off, other_id)
    assert await desk.owner.fetchval(hears, shop_id)
    await desk.owner.execute(off, endpoint_id)
    assert not await desk.owner.fetchval(hears, shop_id)


async def test_a_tenants_status_is_told_to_it_and_to_its_parent(
    desk: SalesDesk, owner: asyncpg.Connection
) -> None:
    world = desk.world
    for tenant in (world.shop, world.agent, world.root):
        await plant_endpoint(owner, tenant.id, event_types=["tenant.status_changed"])

    restricted = "update tenants set status = 'RESTRICTED', orders_stopped = true where id = $1"
    await owner.execute(restricted, world.shop.id)
    await owner.execute("update tenants set name = 'another' where id = $1", world.shop.id)

    for listener in (world.shop, world.agent):
        (event,) = await told(owner, listener.id)
        assert json.loads(event["details"]) == {"status": "RESTRICTED", "was": "ACTIVE"}
    assert await told(owner, world.root.id) == []
