"""Of all rules that are written for one seat at once, the database takes one."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from kernel import db
from kernel.ids import new_id
from races.crowd import all_at_once
from races.mutants import Meeting
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

CROWD = 200
WINDOW = timedelta(days=30)
_WRITE = """
insert into price_rules (tenant_id, id, audience, scope, target_id, kind, value, starts_at, ends_at)
values ($1, $2, 'RETAIL', 'SKU', $3, 'ABSOLUTE', 10500, $4, $5)
on conflict do nothing
"""
_TAKEN = """
select exists (select from price_rules where tenant_id = $1 and scope = 'SKU' and target_id = $2
               and tstzrange(starts_at, ends_at) && tstzrange($3, $4))
"""


async def write_rule(shop: Shop, sku_id: UUID, starts_at: datetime) -> int:
    """Write a rule unless its seat is taken; say how many rows that were."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        return await db.execute(_WRITE, shop.id, new_id(), sku_id, starts_at, starts_at + WINDOW)


async def read_then_write(
    shop: Shop, sku_id: UUID, starts_at: datetime, *, meeting: Meeting
) -> int:
    """The tempting mistake: look whether the seat is free, and then sit down."""
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        window = (starts_at, starts_at + WINDOW)
        if await db.fetch_value(_TAKEN, shop.id, sku_id, *window):
            return 0
        await meeting.join()
        return await db.execute(_WRITE, shop.id, new_id(), sku_id, *window)


async def kept(owner: asyncpg.Connection) -> int:
    number: int = await owner.fetchval("select count(*) from price_rules where scope = 'SKU'")
    return number


async def test_of_hundreds_of_overlapping_windows_one_is_kept(shop: Shop, world: World) -> None:
    now = await world.owner.fetchval("select now()")
    sku_id = world.goods.sku_id
    outcome = await all_at_once(
        write_rule(shop, sku_id, now + timedelta(hours=number)) for number in range(CROWD)
    )
    assert outcome.errors == []
    assert sorted(outcome.done) == [0] * (CROWD - 1) + [1]
    assert await kept(world.owner) == 1


async def test_looking_first_keeps_two_where_the_database_does_not_forbid_it(
    shop: Shop, world: World
) -> None:
    await world.owner.execute("alter table price_rules drop constraint price_rules_do_not_overlap")
    now, meeting = await world.owner.fetchval("select now()"), Meeting()
    outcome = await all_at_once(
        read_then_write(shop, world.goods.sku_id, now + timedelta(hours=number), meeting=meeting)
        for number in range(2)
    )
    assert outcome.errors == []
    assert outcome.done == [1, 1]
    assert await kept(world.owner) == 2
