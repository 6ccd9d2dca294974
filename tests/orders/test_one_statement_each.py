"""Payments that begin or come while somebody else has the order: one statement sees what it waits
for, or leaves it to several."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from kernel import crypto
from kernel.errors import Forbidden, Invalid
from kernel.settings import Settings
from orders import expiry, settlement
from orders.channel_calls import PaymentRefused
from patience import until_somebody_waits
from sales import Purchase, SalesDesk
from tenants.directory import TenantRestricted

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000
ORDER = "select from orders where id = $1 for update"
WALLET_OF_ORDER = """
    select from ledger_accounts
    where owner_id = (select customer_id from orders where id = $1) for update
"""
PAYMENT_CLAIMS = "select count(*) from idempotency_records where result_kind = 'PAYMENT'"


async def in_line(
    config: Settings,
    purchase: Purchase,
    *calls: Coroutine[Any, Any, object],
    lock: str = ORDER,
    meanwhile: str = "select",
) -> Sequence[object]:
    """Let these calls wait for the order's lock one behind the other, and then go on.

    `lock` names another one; what is said `meanwhile` is committed before anybody goes on.
    """
    keeper = await asyncpg.connect(config.database_url)
    onlooker = await asyncpg.connect(config.database_url)
    tasks = []
    try:
        async with keeper.transaction():
            await keeper.execute(lock, purchase.id)
            for call in calls:
                tasks.append(asyncio.create_task(call))
                await until_somebody_waits(onlooker, at_least=len(tasks))
            await keeper.execute(meanwhile)
        return await asyncio.gather(*tasks)
    finally:
        await keeper.close()
        await onlooker.close()


async def payments(desk: SalesDesk) -> list[tuple[str, int]]:
    rows = await desk.owner.fetch(
        "select status, channel_minor from payments where purpose = 'ORDER' order by id"
    )
    return [tuple(row) for row in rows]


async def started(purchase: Purchase, method: str) -> None:
    """Start a payment that may be given up for the other one while the channel is asked."""
    with suppress(PaymentRefused):
        await purchase.start(method)


async def test_of_two_payments_that_begin_at_once_one_is_open(
    desk: SalesDesk, database: Settings
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()

    await in_line(database, purchase, started(purchase, "CARD"), started(purchase, "ALIPAY"))

    assert sorted(await payments(desk)) == [("PENDING", PRICE_MINOR), ("SUPERSEDED", PRICE_MINOR)]
    assert await desk.owner.fetchval(PAYMENT_CLAIMS) == 2
    await desk.assert_sound()


async def test_a_payment_does_not_begin_once_the_order_was_given_up(
    desk: SalesDesk, database: Settings
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()

    async def refused() -> object:
        with pytest.raises(Invalid, match="not waiting for a payment"):
            await purchase.start("CARD")
        return None

    await in_line(database, purchase, canceled(purchase), refused())

    assert await payments(desk) == []
    assert await desk.owner.fetchval(PAYMENT_CLAIMS) == 0
    await desk.assert_sound()


@pytest.mark.parametrize(
    ("meanwhile", "refusal"),
    [
        ("update tenants set status = 'SUSPENDED'", TenantRestricted),
        ("update customers set status = 'FROZEN'", Forbidden),
        ("update access_tokens set revoked_at = platform_now()", Forbidden),
    ],
)
@pytest.mark.parametrize("method", ["CARD", "WALLET"])
async def test_who_was_shut_out_during_the_wait_starts_no_payment(
    desk: SalesDesk, database: Settings, method: str, meanwhile: str, refusal: type[Exception]
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=PRICE_MINOR)
    purchase = await desk.order(by=buyer)
    purchase.viewer = replace(purchase.viewer, token_hash=crypto.token_hash(buyer.token))
    # The order is locked by the statement before that one, where it is not the only one.
    lock = {"CARD": ORDER, "WALLET": WALLET_OF_ORDER}[method]

    async def refused() -> object:
        with pytest.raises(refusal):
            await purchase.start(method)
        return None

    await in_line(database, purchase, refused(), lock=lock, meanwhile=meanwhile)

    assert await payments(desk) == []
    assert await desk.owner.fetchval(PAYMENT_CLAIMS) == 0
    await desk.assert_sound()


async def test_money_for_an_order_that_was_just_given_up_is_owed_back(
    desk: SalesDesk, database: Settings
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    report = await purchase.report(await purchase.start("CARD"))

    _, heard = await in_line(database, purchase, canceled(purchase), settlement.hear(report))

    assert isinstance(heard, settlement.Heard)
    assert heard.effect == "REFUNDING"
    assert await desk.owner.fetchval("select count(*) from delivered_keys") == 0
    await desk.assert_sound()


async def test_of_a_webhook_and_a_look_at_once_one_delivers_and_both_are_noted(
    desk: SalesDesk, database: Settings
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start("CARD")
    told, seen = await purchase.report(payment_id), await purchase.report(payment_id)

    both = await in_line(database, purchase, settlement.hear(told), settlement.hear(seen))

    effects = [heard.effect for heard in both if isinstance(heard, settlement.Heard)]
    assert effects == ["SETTLED", "NOTHING"]
    assert await desk.owner.fetchval("select count(*) from payment_events") == 2
    assert await purchase.status() == "DELIVERED"
    await desk.assert_sound()


async def canceled(purchase: Purchase) -> object:
    return await expiry.cancel_order(
        shop=purchase.shop, viewer=purchase.viewer, order_no=purchase.no
    )
