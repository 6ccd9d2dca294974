"""A balance that has changed is told once, whatever made it change."""

import asyncio
import json

import pytest

from billing import accounts, ledger
from billing.ledger import credit, debit
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import settings
from listeners import told
from notifications.balances import tell_of_balances
from post_office import PostOffice
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def earn(desk: SalesDesk, amount_minor: int) -> None:
    """So much becomes available to the world's shop."""
    async with db.transaction(db.core_scope()):
        await ledger.post(
            [
                debit(accounts.expense("COMPENSATION", "CNY"), amount_minor),
                credit(accounts.party_available(desk.world.shop.id, "CNY"), amount_minor),
            ],
            kind="TEST",
            idempotency_key=new_id().hex,
            tenant_id=desk.world.shop.id,
        )


async def facts(desk: SalesDesk) -> list[dict[str, object]]:
    """What the shop was told."""
    return [json.loads(event["details"]) for event in await told(desk.owner, desk.world.shop.id)]


async def test_many_postings_are_one_event_and_none_is_none(
    desk: SalesDesk, office: PostOffice
) -> None:
    await office.listener("https://hooks.example.test/", "balance.changed")
    assert await tell_of_balances() == 0  # the first look is compared with nothing
    for _ in range(3):
        await earn(desk, 500)

    looks = await asyncio.gather(*(tell_of_balances() for _ in range(4)))

    assert sum(looks) == 1
    assert await facts(desk) == [{"account": "AVAILABLE", "balanceMinor": 1_500, "currency": "CNY"}]
    assert await tell_of_balances() == 0
    await earn(desk, 1)
    assert await tell_of_balances() == 1
    assert (await facts(desk))[-1]["balanceMinor"] == 1_501
    assert await verify(settings().database_url) == []


async def test_who_does_not_want_to_hear_of_it_is_not_looked_at(
    desk: SalesDesk, office: PostOffice
) -> None:
    await office.listener("https://hooks.example.test/", "balance.low")
    await earn(desk, 500)

    assert await tell_of_balances() == 0
    assert await office.owner.fetchval("select count(*) from told_balances") == 0
