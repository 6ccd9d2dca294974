"""Many who save webhooks at once: ten places, and no order that nobody hears of by mistake."""

import asyncio

import asyncpg
import pytest

from kernel.outbox import EventType
from kernel.settings import Settings
from listeners import plant_endpoint
from notifications import endpoints
from patience import until_somebody_waits
from races.crowd import all_at_once
from races.mutants import gate_that_opens_for_two
from world import World

pytestmark = pytest.mark.engines

CALLERS = 400
HEARS = "select hears_orders from tenants where id = $1"
# The tempting mistake: count, and then write.
_COUNTED_FIRST = (
    """
with known as materialized (
    select count(*) as endpoints from webhook_endpoints
    where tenant_id = $1 and status <> 'DELETED'
), gate as materialized (
    select pg_advisory_xact_lock_shared(4711) from known where endpoints >= 0
)
insert into webhook_endpoints as e (tenant_id, id, slot, url, description, event_types, status,
                                    sends_keys, secret, secret_key_id)
select $1, $2, 10, $3, $4, $5::text[]::event_type[],
       case when $6::boolean then 'ACTIVE' else 'OFF' end, $7, $8, $9
from known, gate where known.endpoints < 10
returning """
    + endpoints._COLUMNS
)


def wish() -> endpoints.Wish:
    """What everybody asks for."""
    return endpoints.Wish("http://127.0.0.1:9/", "", [EventType.ORDER_PAID], True, by_owner=True)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be called; asked for before the database, whose settings say so."""
    monkeypatch.setenv("KAMENG_OUTWARD_LOOPBACK", "true")


async def places(world: World) -> int:
    """How many endpoints the shop has."""
    number: int = await world.owner.fetchval("select count(*) from webhook_endpoints")
    return number


async def test_ten_places_are_taken_ten_times(
    loopback: None, world: World, database: Settings
) -> None:
    outcome = await all_at_once(endpoints.create(world.shop.id, wish()) for _ in range(CALLERS))

    assert outcome.errors == []
    assert len(outcome.done) == await places(world) == 10
    assert outcome.refused == {"LIMIT_REACHED": CALLERS - 10}


async def test_the_check_notices_places_that_are_counted_first(
    loopback: None, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.owner.execute("drop index webhook_endpoints_slot")
    monkeypatch.setattr(endpoints, "_INSERT", _COUNTED_FIRST)
    for slot in range(1, 10):
        await plant_endpoint(world.owner, world.shop.id, slot=slot)

    async with gate_that_opens_for_two():
        await all_at_once(endpoints.create(world.shop.id, wish()) for _ in range(20))

    assert await places(world) > 10


async def one_comes_while_the_last_one_goes(world: World, database: Settings) -> bool:
    """Whether the shop is said to hear of orders, after both."""
    last = await plant_endpoint(world.owner, world.shop.id)
    coming = await asyncpg.connect(
        database.database_url, server_settings={"application_name": "kameng-coming"}
    )
    going = await asyncpg.connect(
        database.database_url, server_settings={"application_name": "kameng-going"}
    )
    try:
        async with coming.transaction():
            await plant_endpoint(coming, world.shop.id, slot=2)
            await coming.execute(  # as a writer of the same row would
                "update tenants set name = name where id = $1", world.shop.id
            )
            leaving = asyncio.create_task(
                going.execute("update webhook_endpoints set status = 'OFF' where id = $1", last)
            )
            await until_somebody_waits(world.owner)
        await leaving
    finally:
        await coming.close()
        await going.close()
    hears: bool = await world.owner.fetchval(HEARS, world.shop.id)
    return hears


async def test_who_comes_while_the_last_one_goes_is_heard(world: World, database: Settings) -> None:
    assert await one_comes_while_the_last_one_goes(world, database)


async def test_the_check_notices_a_look_that_is_taken_before_the_wait(
    world: World, database: Settings
) -> None:
    text: str = await world.owner.fetchval(
        "select pg_get_functiondef('note_who_hears_orders'::regproc)"
    )
    lock = "perform from tenants where id = new.tenant_id for no key update;"
    assert lock in text
    await world.owner.execute(text.replace(lock, ""))

    assert not await one_comes_while_the_last_one_goes(world, database)
