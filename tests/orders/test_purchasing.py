"""A shop buys at cost: the sale with another payer, in one statement, all of it or nothing."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from billing import accounts
from billing.ledger import InsufficientBalance
from kernel.errors import Invalid, NotFound, Refusal
from kernel.settings import settings
from offers.at_cost import CostWish
from offers.quotes import NotEnough, PriceChanged
from orders import refunds, reveal
from orders.idempotency import IdempotencyConflict
from orders.purchasing import PurchaseWish, purchase_at_cost
from orders.queries import order_view_by_id, orders_page, purchase_view
from orders.records import Viewer
from patience import until_somebody_waits
from sales import SalesDesk, key
from tenants.directory import Shop, TenantRestricted
from trade_desk import COST_MINOR, STAFF, buy, credit, held_minor, moves

pytestmark = pytest.mark.engines

WRITTEN = """
    select (select count(*) from orders), (select count(*) from payments),
           (select count(*) from ledger_entries), (select count(*) from trade_moves),
           (select count(*) from idempotency_records), (select count(*) from key_reveals),
           (select count(*) from keys where status <> 'AVAILABLE')
"""


@pytest.fixture
async def shop(desk: SalesDesk) -> Shop:
    """The third-level shop, with money for ten keys and a little more."""
    await desk.world.keys(20)
    shop = await desk.shop()
    await credit(shop, 10 * COST_MINOR + 999)
    return shop


async def assert_refused(desk: SalesDesk, refusal: type[Refusal], what: Any) -> Refusal:
    """It is refused for this reason, and nothing has been written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(refusal) as refused:
        await what
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refused.value


async def test_the_shop_pays_its_own_cost_and_everybody_above_earns_as_ever(
    desk: SalesDesk, shop: Shop
) -> None:
    await buy(shop, desk.world.goods)

    world = desk.world
    books = await desk.books(
        ("T1", world.agent.id), ("T2", world.shop.id), ("supplier", world.goods.supplier_id)
    )
    assert books == {  # domain 4, E5
        "A:BANK": 10 * COST_MINOR + 999,
        "L:TRADE T2": -(9 * COST_MINOR + 999),
        "L:PARTY:PENDING supplier": -7_600,
        "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500,
        "L:PARTY:PENDING T1": -500,
    }
    await desk.assert_sound()


async def test_the_keys_come_with_the_answer_and_who_has_seen_them_is_kept(
    desk: SalesDesk, shop: Shop
) -> None:
    bought = await buy(shop, desk.world.goods, 2)

    assert [len(opened.secret) > 0 for opened in bought.keys] == [True, True]
    assert [one.revealed_at is not None for one in bought.order.lines[0].keys] == [True, True]
    assert bought.order == await order_view_by_id(shop=shop, order_id=bought.order.id)
    rows = await desk.owner.fetch("select actor, channel, host(ip) as ip from key_reveals")
    assert [tuple(row) for row in rows] == [("staff:owner", "REVEAL", "192.0.2.7")] * 2
    assert await desk.key_states() == {"REVEALED": 2, "AVAILABLE": 18}
    await desk.assert_sound()


async def test_delivered_later_no_key_is_opened_until_it_is_asked_for(
    desk: SalesDesk, shop: Shop
) -> None:
    bought = await buy(shop, desk.world.goods, 2, deliver_now=False)

    assert bought.keys == []
    assert await desk.owner.fetchval("select count(*) from key_reveals") == 0
    _, opened = await reveal.reveal_keys(
        shop=shop,
        viewer=Viewer(purchases=True),
        order_no=bought.order.no,
        delivered_key_ids=None,
        witness=STAFF,
    )
    assert len(opened) == 2
    await desk.assert_sound()


async def test_a_request_said_again_is_answered_with_the_first_purchase_and_its_keys(
    desk: SalesDesk, shop: Shop
) -> None:
    once = key()
    first = await buy(shop, desk.world.goods, 2, idempotency_key=once)
    again = await buy(shop, desk.world.goods, 2, idempotency_key=once)

    assert again.order.id == first.order.id
    assert [one.secret for one in again.keys] == [one.secret for one in first.keys]
    assert await held_minor(desk.owner, shop.id) == 8 * COST_MINOR + 999
    await assert_refused(
        desk, IdempotencyConflict, buy(shop, desk.world.goods, 3, idempotency_key=once)
    )
    await desk.assert_sound()


async def test_a_purchase_is_found_by_the_shops_own_reference_and_made_once_under_it(
    desk: SalesDesk, shop: Shop
) -> None:
    bought = await buy(shop, desk.world.goods, client_reference="PO-7")

    found = await purchase_view(shop=shop, client_reference="PO-7")
    assert found is not None and found.id == bought.order.id
    assert await purchase_view(shop=shop, client_reference="PO-8") is None
    refused = await assert_refused(
        desk, IdempotencyConflict, buy(shop, desk.world.goods, client_reference="PO-7")
    )
    assert refused.field == "clientReference"
    neighbour = await desk.shop(await desk.world.another_shop("neighbour"))
    assert await purchase_view(shop=neighbour, client_reference="PO-7") is None
    await credit(neighbour, COST_MINOR)
    await buy(neighbour, desk.world.goods, client_reference="PO-7")
    await desk.assert_sound()


async def test_what_is_dearer_than_it_may_be_is_not_bought_and_what_is_cheaper_is(
    desk: SalesDesk, shop: Shop
) -> None:
    goods = desk.world.goods
    refused = await assert_refused(
        desk, PriceChanged, buy(shop, goods, 2, most_total_minor=2 * COST_MINOR - 1)
    )
    assert refused.details == {"totalMinor": 2 * COST_MINOR}
    dear = [CostWish(goods.sku_id, 1, COST_MINOR - 1)]
    refused = await assert_refused(desk, PriceChanged, buy(shop, goods, lines=dear))
    assert refused.details["unitCostMinor"] == COST_MINOR

    bought = await buy(shop, goods, lines=[CostWish(goods.sku_id, 1, COST_MINOR + 1)])

    assert bought.order.total_minor == COST_MINOR


async def test_a_balance_that_does_not_suffice_buys_nothing(desk: SalesDesk, shop: Shop) -> None:
    refused = await assert_refused(desk, InsufficientBalance, buy(shop, desk.world.goods, 11))
    assert refused.details == {"available": 10 * COST_MINOR + 999}
    poor = await desk.shop(await desk.world.another_shop("poor"))
    await assert_refused(desk, InsufficientBalance, buy(poor, desk.world.goods))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"lines": []}, Invalid),
        ({"quantity": 0}, Invalid),
        ({"quantity": -1}, Invalid),
        ({"quantity": 501}, Invalid),
        ({"client_reference": ""}, Invalid),
        ({"client_reference": "x" * 65}, Invalid),
        ({"client_reference": "two\nlines"}, Invalid),
        ({"idempotency_key": "x" * 129}, Invalid),
        ({"quantity": 21}, NotEnough),
    ],
    ids=str,
)
async def test_what_can_be_no_purchase_is_refused(
    desk: SalesDesk, shop: Shop, change: dict[str, Any], refusal: type[Refusal]
) -> None:
    wish: dict[str, Any] = {"quantity": 1, "most_total_minor": 10**9, **change}
    if "lines" in change:
        wish["lines"] = [CostWish(desk.world.goods.sku_id, 1)] * 2
    await assert_refused(desk, refusal, buy(shop, desk.world.goods, **wish))


async def test_a_price_must_be_accepted_and_the_goods_must_be_sold(
    desk: SalesDesk, shop: Shop
) -> None:
    hidden = await desk.world.more_goods("hidden")
    await desk.world.keys(1, hidden)
    await desk.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        desk.world.agent.id,
        hidden.sku_id,
    )
    await assert_refused(desk, NotFound, buy(shop, hidden))
    unbounded = PurchaseWish((CostWish(desk.world.goods.sku_id, 1),))
    await assert_refused(
        desk,
        Invalid,
        purchase_at_cost(shop=shop, wish=unbounded, witness=STAFF, idempotency_key=key()),
    )


async def test_partly_bought_is_what_there_is_and_otherwise_nothing_is(
    desk: SalesDesk, shop: Shop
) -> None:
    few = await desk.world.more_goods("few")
    none = await desk.world.more_goods("none")
    await desk.world.keys(2, few)
    wanted = [CostWish(one.sku_id, 3) for one in (desk.world.goods, few, none)]
    most: dict[str, Any] = {"most_total_minor": 10**6, "lines": wanted}
    await assert_refused(desk, NotEnough, buy(shop, few, **most))

    bought = await buy(shop, few, **most, partial=True)

    assert {line.sku_id: line.quantity for line in bought.order.lines} == {
        desk.world.goods.sku_id: 3,
        few.sku_id: 2,
    }
    assert len(bought.keys) == 5
    await assert_refused(desk, NotEnough, buy(shop, none, most_total_minor=10**6, partial=True))
    await desk.assert_sound()


async def test_who_gets_a_part_pays_the_price_of_that_part(desk: SalesDesk, shop: Shop) -> None:
    few = await desk.world.more_goods("few")
    await desk.world.keys(2, few)
    break_minor = COST_MINOR - 400
    seat = {"audience": "WHOLESALE", "target_id": few.sku_id, "min_quantity": 10}
    await desk.world.asks(desk.world.agent, break_minor, **seat)
    wanted = [CostWish(few.sku_id, 10)]

    # Enough for two at the price of ten, and not for two at their own.
    bought_for: dict[str, Any] = {"lines": wanted, "partial": True}
    most_minor = 2 * COST_MINOR
    await assert_refused(
        desk, PriceChanged, buy(shop, few, most_total_minor=most_minor - 1, **bought_for)
    )
    bought = await buy(shop, few, most_total_minor=most_minor, **bought_for)

    assert [(line.quantity, line.unit_price_minor) for line in bought.order.lines] == [
        (2, COST_MINOR)
    ]
    await desk.assert_sound()


async def test_of_several_sellers_the_one_that_costs_the_shop_least_is_chosen(
    desk: SalesDesk, shop: Shop
) -> None:
    elsewhere = await desk.world.more_goods("elsewhere")
    listing_id: UUID = await desk.owner.fetchval(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)
           values (gen_random_uuid(), $1, $2, 7000, 'CNY') returning id""",
        elsewhere.supplier_id,
        desk.world.goods.sku_id,
    )
    await desk.world.keys(1, replace(desk.world.goods, listing_id=listing_id))

    bought = await buy(shop, desk.world.goods)
    dearer = await buy(shop, desk.world.goods)

    assert (bought.order.total_minor, dearer.order.total_minor) == (8_000, COST_MINOR)


@pytest.mark.parametrize("which", ["shop", "agent", "root"])
async def test_nobody_buys_where_a_shop_or_one_above_it_is_suspended(
    desk: SalesDesk, shop: Shop, which: str
) -> None:
    await desk.owner.execute("update tenants set status = 'SUSPENDED' where slug = $1", which)

    await assert_refused(desk, TenantRestricted, buy(shop, desk.world.goods))


async def test_the_platforms_own_shop_buys_at_what_suppliers_ask(
    desk: SalesDesk, shop: Shop
) -> None:
    await desk.world.rule(desk.world.root, "RETAIL", "FIXED_OVER_COST", 2_000)
    root = await desk.shop(desk.world.root)
    await credit(root, COST_MINOR)

    bought = await buy(root, desk.world.goods)

    assert bought.order.total_minor == 8_000
    assert "R:WHOLESALE_MARGIN" not in await desk.books()
    await desk.assert_sound()


async def test_what_comes_back_unopened_is_paid_back_into_the_trade_balance(
    desk: SalesDesk, shop: Shop
) -> None:
    bought = await buy(shop, desk.world.goods, 3, deliver_now=False)

    await refunds.return_unrevealed(
        shop=shop,
        viewer=Viewer(purchases=True),
        order_no=bought.order.no,
        line_id=bought.order.lines[0].id,
        quantity=2,
        idempotency_key=key(),
    )

    assert (await moves(desk.owner, shop.id))[1:] == [
        ("PURCHASE", -3 * COST_MINOR, 7 * COST_MINOR + 999),
        ("REFUND", 2 * COST_MINOR, 9 * COST_MINOR + 999),
    ]
    earned = await desk.books(("T1", desk.world.agent.id))
    assert earned["L:PARTY:PENDING T1"] == -500
    assert await desk.key_states() == {"SOLD": 1, "AVAILABLE": 19}
    await desk.assert_sound()


async def test_a_shop_does_not_refund_itself_out_of_goodwill(desk: SalesDesk, shop: Shop) -> None:
    bought = await buy(shop, desk.world.goods)

    def refund(reason: refunds.Reason) -> Any:
        return refunds.refund_line(
            shop=shop,
            actor="operator:test",
            order_no=bought.order.no,
            line_id=bought.order.lines[0].id,
            amount_minor=COST_MINOR,
            reason=reason,
            idempotency_key=key(),
        )

    await assert_refused(desk, Invalid, refund("GOODWILL"))
    await refund("SUPPLIER_FAULT")

    assert await held_minor(desk.owner, shop.id) == 10 * COST_MINOR + 999
    books = await desk.books()
    assert "L:REFUND_DUE" not in books and "R:WHOLESALE_MARGIN" not in books
    await desk.assert_sound()


async def test_what_the_shop_bought_is_not_among_what_it_sold_and_opens_for_no_buyer(
    desk: SalesDesk, shop: Shop
) -> None:
    bought = await buy(shop, desk.world.goods, deliver_now=False)
    sold = await desk.order()

    def page(*, at_cost: bool) -> Any:
        return orders_page(shop=shop, customer_id=None, first=10, after=None, at_cost=at_cost)

    assert [view.no for view in (await page(at_cost=True)).rows] == [bought.order.no]
    assert [view.no for view in (await page(at_cost=False)).rows] == [sold.no]
    customer = await desk.world.customer()
    for viewer in (Viewer(), Viewer(customer.id), Viewer(guest_token="kmg_x")):
        with pytest.raises(NotFound):
            await reveal.reveal_keys(
                shop=shop,
                viewer=viewer,
                order_no=bought.order.no,
                delivered_key_ids=None,
                witness=STAFF,
            )
    with pytest.raises(NotFound):
        await reveal.reveal_keys(
            shop=shop,
            viewer=Viewer(purchases=True),
            order_no=sold.no,
            delivered_key_ids=None,
            witness=STAFF,
        )


async def test_whoever_buys_while_keys_are_locked_waits_and_is_noted_once(
    desk: SalesDesk, shop: Shop, owner: asyncpg.Connection
) -> None:
    somebody = await asyncpg.connect(settings().database_url)
    try:
        async with somebody.transaction():
            await somebody.execute("select from keys for update")
            buying = asyncio.create_task(buy(shop, desk.world.goods, 2))
            await until_somebody_waits(owner, at_least=1)
        await buying
    finally:
        await somebody.close()

    assert (await moves(owner, shop.id))[1:] == [
        ("PURCHASE", -2 * COST_MINOR, 8 * COST_MINOR + 999)
    ]
    await desk.assert_sound()


async def test_purchases_wait_for_their_own_balance_and_for_no_other_shops(
    desk: SalesDesk, shop: Shop, owner: asyncpg.Connection
) -> None:
    neighbour = await desk.shop(await desk.world.another_shop("neighbour"))
    await credit(neighbour, COST_MINOR)
    account = accounts.trade(shop.id, "CNY")
    somebody = await asyncpg.connect(settings().database_url)
    try:
        async with somebody.transaction():
            await somebody.execute(
                "select from ledger_accounts where id = $1 for no key update", account.id
            )
            waiting = asyncio.create_task(buy(shop, desk.world.goods))
            await until_somebody_waits(owner, at_least=1)
            await buy(neighbour, desk.world.goods)
            assert not waiting.done()
        await waiting
    finally:
        await somebody.close()

    assert await held_minor(owner, neighbour.id) == 0
    await desk.assert_sound()
