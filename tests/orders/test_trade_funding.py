"""Money comes into a trade balance, goes to a child, and an alarm rings when it becomes low."""

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from billing.ledger import InsufficientBalance
from billing.trade_balances import newest_low_balance, trade_page
from entrypoints import sweeps
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from listeners import plant_endpoint, told
from orders import settlement, topping_up, trade_funding, trade_terms
from orders.idempotency import IdempotencyConflict
from orders.paying import PaymentStarted
from orders.records import Viewer
from sales import FEE_BP, Purchase, SalesDesk, key
from tenants.directory import Shop, TenantRestricted
from trade_desk import COST_MINOR, buy, credit, held_minor, moves, transfer
from world import plant_tenant

pytestmark = pytest.mark.engines

WRITTEN = """
    select (select count(*) from ledger_entries), (select count(*) from payments),
           (select count(*) from trade_moves), (select count(*) from idempotency_records)
"""


async def assert_refused(
    desk: SalesDesk, refusal: type[Refusal], what: Awaitable[object]
) -> Refusal:
    """It is refused for this reason, and nothing has been written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(refusal) as refused:
        await what
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refused.value


async def start_top_up(shop: Shop, amount_minor: int, **more: Any) -> PaymentStarted:
    """The shop's staff asks a channel for money."""
    wish: dict[str, Any] = {"method": "CARD", "idempotency_key": key(), **more}
    return await trade_funding.top_up_trade(
        shop=shop,
        actor="staff:owner",
        amount_minor=amount_minor,
        return_url="http://shop.localhost/",
        **wish,
    )


def as_payment(desk: SalesDesk, shop: Shop, started: PaymentStarted) -> Purchase:
    """What the channel says something of."""
    return Purchase(desk, shop, Viewer(), started.payment_id, "", 0)


async def test_a_channel_tops_the_balance_up_and_the_platform_bears_its_fee(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    started = await start_top_up(shop, 20_000)
    payment = as_payment(desk, shop, started)
    report = await payment.report(started.payment_id)

    assert (await settlement.hear(report)).effect == "TOPPED_UP"
    assert (await settlement.hear(report)).effect == "NOTHING"

    fee_minor = 20_000 * FEE_BP // 10_000
    assert await desk.books(("T2", shop.id)) == {
        "A:GATEWAY:STRIPE": 20_000 - fee_minor,
        "E:GATEWAY_FEE": fee_minor,
        "L:TRADE T2": -20_000,
    }
    assert await moves(desk.owner, shop.id) == [("TOP_UP", 20_000, 20_000)]
    await desk.assert_sound()


async def test_a_top_up_of_another_amount_goes_back_and_one_that_is_never_heard_of_ends(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    wrong, silent = await start_top_up(shop, 500), await start_top_up(shop, 600)
    payment = as_payment(desk, shop, wrong)

    heard = await payment.heard(wrong.payment_id, amount_minor=499)
    await desk.send_refunds()
    for hours in range(0, 120, 13):
        await desk.world.shift_clock(f"{hours} hours")
        await sweeps.ask_channels()

    assert heard.effect == "REFUNDING"
    status = "select status from payments where id = $1"
    assert await desk.owner.fetchval(status, silent.payment_id) == "EXPIRED"
    assert await held_minor(desk.owner, shop.id) == 0
    await desk.assert_sound()


async def test_a_top_up_said_again_is_one_payment_and_impossible_ones_are_refused(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    once = key()
    first = await start_top_up(shop, 500, idempotency_key=once)
    again = await start_top_up(shop, 500, idempotency_key=once)

    assert again.payment_id == first.payment_id
    await assert_refused(desk, IdempotencyConflict, start_top_up(shop, 501, idempotency_key=once))
    for amount_minor in (-1, 0, 99, trade_funding.MAX_TRADE_TOP_UP_MINOR + 1):
        await assert_refused(desk, Invalid, start_top_up(shop, amount_minor))
    await assert_refused(desk, Invalid, start_top_up(shop, 500, method="WALLET"))
    await desk.owner.execute("update tenants set status = 'SUSPENDED' where slug = 'agent'")
    await assert_refused(desk, TenantRestricted, start_top_up(shop, 500))


async def test_a_bank_transfer_is_credited_once_to_whomever(desk: SalesDesk) -> None:
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    await credit(shop, 700, reference="bank-1")

    for other, spelling in ((shop, "bank-1"), (agent, "bank-1"), (shop, " bank-1 ")):
        refused = await assert_refused(
            desk, IdempotencyConflict, credit(other, 700, reference=spelling)
        )
        assert refused.field == "bankReference"
    for amount_minor in (-1, 0, trade_funding.MAX_MOVED_MINOR + 1):
        await assert_refused(desk, Invalid, credit(shop, amount_minor))
    for reference in ("x" * 65, "a\nb", " "):
        await assert_refused(desk, Invalid, credit(shop, 1, reference=reference))
    assert await desk.books(("T2", shop.id)) == {"A:BANK": 700, "L:TRADE T2": -700}
    await desk.assert_sound()


async def test_a_transfer_moves_money_to_the_child_and_both_books_show_it(
    desk: SalesDesk,
) -> None:
    agent, child = await desk.shop(desk.world.agent), desk.world.shop
    await credit(agent, 1_000)
    once = key()

    for _ in range(2):
        await transfer(agent, child, 300, idempotency_key=once)

    assert (await moves(desk.owner, agent.id))[1:] == [("TRANSFER_OUT", -300, 700)]
    assert await moves(desk.owner, child.id) == [("TRANSFER_IN", 300, 300)]
    page = await trade_page(db.core_scope(agent.id, path=agent.path), agent.id, first=1, after=None)
    assert (page.rows[0].other_slug, page.has_next) == ("shop", True)
    await assert_refused(
        desk, IdempotencyConflict, transfer(agent, child, 301, idempotency_key=once)
    )
    await desk.assert_sound()


async def test_only_a_child_with_the_same_currency_is_paid_and_only_what_there_is(
    desk: SalesDesk,
) -> None:
    agent, world = await desk.shop(desk.world.agent), desk.world
    await credit(agent, 1_000)
    grandchild = await plant_tenant(desk.owner, "grandchild", parent=world.shop)
    foreign = await plant_tenant(desk.owner, "foreign", parent=world.agent)
    await desk.owner.execute("update tenants set currency = 'USD' where id = $1", foreign.id)

    for nobody in (world.root, world.agent, grandchild):
        await assert_refused(desk, NotFound, transfer(agent, nobody, 1))
    await assert_refused(desk, Invalid, transfer(agent, foreign, 1))
    refused = await assert_refused(desk, InsufficientBalance, transfer(agent, world.shop, 1_001))
    assert refused.details == {"available": 1_000}
    for amount_minor in (-1, 0, trade_funding.MAX_MOVED_MINOR + 1):
        await assert_refused(desk, Invalid, transfer(agent, world.shop, amount_minor))
    await desk.owner.execute(
        "update tenants set status = 'RESTRICTED', orders_stopped = true where slug = 'agent'"
    )
    assert (await desk.shop()).open, "the child itself trades"
    await assert_refused(desk, TenantRestricted, transfer(agent, world.shop, 1))
    await desk.owner.execute(
        "update tenants set status = 'ACTIVE', orders_stopped = false where slug = 'agent'"
    )
    await desk.owner.execute("update tenants set status = 'SUSPENDED' where slug = 'shop'")
    await assert_refused(desk, TenantRestricted, transfer(agent, world.shop, 1))


async def test_the_book_is_paged_and_another_shops_cursor_is_none(desk: SalesDesk) -> None:
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    for amount_minor in (1, 2, 3):
        await credit(shop, amount_minor)
    scope = db.core_scope(shop.id, path=shop.path)

    first = await trade_page(scope, shop.id, first=2, after=None)
    rest = await trade_page(scope, shop.id, first=2, after=first.cursors[-1])

    assert [row.balance_minor for row in (*first.rows, *rest.rows)] == [6, 3, 1]
    assert (first.has_next, rest.has_next) == (True, False)
    with pytest.raises(Invalid):
        await trade_page(
            db.core_scope(agent.id, path=agent.path), agent.id, first=2, after=first.cursors[-1]
        )


async def alerts(desk: SalesDesk) -> list[tuple[int, int]]:
    rows = await desk.owner.fetch(
        "select threshold_minor, balance_minor from low_balance_alerts order by raised_at, id"
    )
    return [tuple(row) for row in rows]


async def test_the_alarm_rings_when_the_balance_crosses_its_threshold_and_again_only_from_above(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(10)
    shop = await desk.shop()
    await credit(shop, 3 * COST_MINOR)
    await buy(shop, desk.world.goods)
    assert await alerts(desk) == [], "nobody has asked to be told"
    await trade_terms.set_low_balance(shop, 2 * COST_MINOR)

    await buy(shop, desk.world.goods)  # crosses
    await buy(shop, desk.world.goods)  # stays below
    assert await alerts(desk) == [(2 * COST_MINOR, COST_MINOR)]
    await credit(shop, COST_MINOR)  # is still below: not armed again
    await buy(shop, desk.world.goods)
    assert len(await alerts(desk)) == 1
    await credit(shop, 2 * COST_MINOR)  # as much as the threshold is not below it
    await buy(shop, desk.world.goods)
    assert await alerts(desk) == [(2 * COST_MINOR, COST_MINOR)] * 2

    newest = await newest_low_balance(db.core_scope(shop.id, path=shop.path), shop.id)
    assert newest is not None and newest.balance_minor == COST_MINOR
    await trade_terms.set_low_balance(shop, 0)
    await credit(shop, 5 * COST_MINOR)
    await buy(shop, desk.world.goods, 5)
    assert len(await alerts(desk)) == 2
    await desk.assert_sound()


async def test_a_transfer_and_a_purchase_that_waited_ring_the_alarm_too(desk: SalesDesk) -> None:
    agent = await desk.shop(desk.world.agent)
    await credit(agent, 1_000)
    await trade_terms.set_low_balance(agent, 900)

    await transfer(agent, desk.world.shop, 200)

    assert await alerts(desk) == [(900, 800)]
    await desk.assert_sound()


async def test_a_shops_program_hears_of_the_alarm_and_nobody_elses_does(desk: SalesDesk) -> None:
    agent = await desk.shop(desk.world.agent)
    for one in (desk.world.agent, desk.world.root, desk.world.shop):
        await plant_endpoint(desk.owner, one.id, event_types=["balance.low"])
    await credit(agent, 1_000)
    await trade_terms.set_low_balance(agent, 900)

    await transfer(agent, desk.world.shop, 200)
    await transfer(agent, desk.world.shop, 200)

    (event,) = await told(desk.owner, agent.id)
    assert event["type"] == "balance.low"
    details = await desk.owner.fetchval("select details from outbox_events")
    assert json.loads(details) == {
        "account": "TRADE",
        "balanceMinor": 800,
        "thresholdMinor": 900,
        "currency": "CNY",
    }
    assert await desk.owner.fetchval("select count(*) from outbox_events") == 1
    await desk.assert_sound()


async def test_a_threshold_is_an_amount(desk: SalesDesk) -> None:
    shop = await desk.shop()
    for threshold_minor in (-1, 2**53):
        with pytest.raises(Invalid):
            await trade_terms.set_low_balance(shop, threshold_minor)
    assert await desk.owner.fetchval("select count(*) from trade_settings") == 0


async def test_where_buyers_pay_the_shop_itself_the_platform_sells_them_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    buyer = await desk.world.customer(wallet_minor=100_000)
    before = await desk.order(by=buyer)
    await desk.owner.execute(
        "update tenants set settlement_mode = 'PREPAID' where id = $1", desk.world.shop.id
    )
    shop = await desk.shop()
    await credit(shop, COST_MINOR)

    with pytest.raises(TenantRestricted):
        await desk.order(by=buyer)
    with pytest.raises(TenantRestricted):
        await topping_up.top_up(
            shop=shop,
            customer_id=buyer.id,
            amount_minor=500,
            method="CARD",
            return_url="http://shop.localhost/",
            idempotency_key=new_id().hex,
        )
    await buy(shop, desk.world.goods)
    await before.paid("WALLET")  # what was ordered before is still sold

    child = await plant_tenant(desk.owner, "child", parent=desk.world.shop)
    await desk.world.rule(child, "RETAIL", "FIXED_OVER_COST", 2_000)
    await (await desk.order(at=child)).paid()  # a child's buyers pay the platform all the same
    await desk.assert_sound()
