"""Whoever changes something tells of it in the same transaction, or not at all."""

import json
import re

import asyncpg
import pytest

from kernel import db, outbox
from kernel.ids import new_id
from kernel.outbox import EventType, Fact
from kernel.settings import Settings
from listeners import plant_endpoint, told
from world import build_world

pytestmark = pytest.mark.engines

FACTS: dict[str, Fact] = {"availableMinor": 900, "currency": "CNY"}


async def test_an_event_is_told_with_the_change_and_forgotten_with_it(
    database: Settings, owner: asyncpg.Connection
) -> None:
    world = await build_world(owner, keys=0)
    await plant_endpoint(owner, world.shop.id, event_types=["balance.low"])
    account_id = new_id()

    async with db.transaction(db.core_scope()):  # whatever tenant's transaction it is
        assert await outbox.tell(
            EventType.BALANCE_LOW, tenant_id=world.shop.id, object_id=account_id, facts=FACTS
        )
    with pytest.raises(ZeroDivisionError):
        async with db.transaction(db.core_scope(world.agent.id)):
            await outbox.tell(
                EventType.BALANCE_LOW, tenant_id=world.shop.id, object_id=account_id, facts=FACTS
            )
            raise ZeroDivisionError

    (event,) = await told(owner, world.shop.id)
    assert (event["object_kind"], event["object_id"]) == ("balance", account_id)
    assert json.loads(event["details"]) == FACTS


async def test_nobody_who_listens_means_no_row(
    database: Settings, owner: asyncpg.Connection
) -> None:
    world = await build_world(owner, keys=0)
    await plant_endpoint(owner, world.agent.id, event_types=["balance.low"])
    await plant_endpoint(owner, world.shop.id, event_types=["price.alert"])

    async with db.transaction(db.core_scope(world.shop.id)):
        assert not await outbox.tell(
            EventType.BALANCE_LOW, tenant_id=world.shop.id, object_id=new_id(), facts=FACTS
        )

    assert await owner.fetchval("select count(*) from outbox_events") == 0


async def test_telling_lifts_the_fence_for_nothing_else(
    database: Settings, owner: asyncpg.Connection
) -> None:
    world = await build_world(owner, keys=0)
    await plant_endpoint(owner, world.shop.id, event_types=["balance.low"])

    async with db.transaction(db.core_scope(world.agent.id)):
        await outbox.tell(
            EventType.BALANCE_LOW, tenant_id=world.shop.id, object_id=new_id(), facts=FACTS
        )
        assert await db.fetch_value("select fence_lifted_for()") is None
        assert await db.fetch_value("select count(*) from webhook_endpoints") == 0
        assert await db.fetch_value("select count(*) from outbox_events") == 0


def test_every_event_says_what_it_is_about() -> None:
    others = {event for event in EventType if not event.startswith("order.")}
    assert set(outbox.OBJECT_KINDS) == others


async def test_the_database_knows_the_same_events(
    database: Settings, owner: asyncpg.Connection
) -> None:
    """A migration that says the list anew forgets no word of the one before."""
    words = await owner.fetchval(
        """select pg_get_constraintdef(oid) from pg_constraint
           where contypid = 'event_type'::regtype and contype = 'c'"""
    )
    assert set(re.findall(r"'([a-z._]+)'::text", words)) == set(EventType)
