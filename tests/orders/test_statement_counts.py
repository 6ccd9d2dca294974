"""How many statements a sale asks of the database: frozen, because each one costs everybody."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace

import pytest

from asked_statements import statements
from coupon_issuers import PLATFORM_PAYS, SHOP_PAYS, fund, issue
from offers.at_cost import CostWish
from offers.quotes import Wish
from orders import checkout, paying, placing_statements, settlement, settling_statements
from orders.checkout import Buyer
from orders.placing_statements import Way
from points_desk import begin_program, plant_points
from promotions.discounts import Payer
from sales import SalesDesk, key
from trade_desk import COST_MINOR, buy, credit, transfer

pytestmark = pytest.mark.engines


@pytest.fixture
async def warm(desk: SalesDesk) -> AsyncIterator[SalesDesk]:
    """A desk whose shop has sold before: its rules are known to this process."""
    await desk.world.keys(30)
    await desk.order()
    yield desk


async def test_a_quick_buy_from_the_wallet_asks_two(warm: SalesDesk) -> None:
    buyer = await warm.world.customer(wallet_minor=100_000)
    shop = await warm.shop()
    for quantity in (1, 3):
        asked = await statements(
            paying.quick_buy(
                shop=shop,
                buyer=Buyer(buyer.id),
                wish=Wish(warm.world.goods.sku_id, quantity),
                expected_total_minor=11_000 * quantity,
                contact=None,
                affiliate_code=None,
                method="WALLET",
                idempotency_key=key(),
            )
        )
        # The price; the order with its keys, its payment and the ledger.
        assert len(asked) == 2, asked


@pytest.mark.parametrize("lines", [1, 2])
async def test_an_order_asks_two_whatever_its_length(warm: SalesDesk, lines: int) -> None:
    other = await warm.world.more_goods("steam-card")
    await warm.world.keys(5, other)
    wishes = [Wish(goods.sku_id, 2) for goods in (warm.world.goods, other)][:lines]
    shop = await warm.shop()
    quote = await warm.quote(shop, wishes)
    asked = await statements(
        checkout.create_order(
            shop=shop,
            buyer=Buyer(),
            quote_id=quote.id,
            contact="buyer@example.com",
            affiliate_code=None,
            idempotency_key=key(),
        )
    )
    # The price; the order with its keys.
    assert len(asked) == 2, asked


@pytest.mark.parametrize("lines", [1, 2])
async def test_a_purchase_at_cost_asks_two_whatever_its_length(warm: SalesDesk, lines: int) -> None:
    other = await warm.world.more_goods("steam-card")
    await warm.world.keys(300, other)
    wanted = [CostWish(warm.world.goods.sku_id, 2), CostWish(other.sku_id, 290)][:lines]
    shop = await warm.shop()
    await credit(shop, 300 * COST_MINOR)

    def bought(*, deliver_now: bool) -> Awaitable[object]:
        wish = [replace(one, quantity=1) for one in wanted] if deliver_now else wanted
        return buy(
            shop,
            warm.world.goods,
            lines=wish,
            most_total_minor=300 * COST_MINOR,
            deliver_now=deliver_now,
        )

    await bought(deliver_now=True)
    # The price; the order with its keys, its payment, the ledger and the balance's book.
    assert len(await statements(bought(deliver_now=False))) == 2
    # And to open them: the order, the keys, three that say who has seen them, its version.
    assert len(await statements(bought(deliver_now=True))) == 8


async def test_a_transfer_to_a_child_asks_nine(warm: SalesDesk) -> None:
    agent = await warm.shop(warm.world.agent)
    await credit(agent, 1_000)
    await transfer(agent, warm.world.shop, 1)
    asked = await statements(transfer(agent, warm.world.shop, 1))
    # The child; the key; the two shops and their paths; both accounts, their locks and what they
    # hold; two books; the ledger.
    assert len(asked) == 10, asked


@pytest.mark.parametrize(("payers", "asks"), [(SHOP_PAYS, 3), (PLATFORM_PAYS, 4)])
async def test_an_order_with_a_coupon_asks_one_more_and_one_for_budgets(
    warm: SalesDesk, payers: tuple[Payer, ...], asks: int
) -> None:
    shop = await warm.shop()
    await issue(shop, payers=payers, max_uses=5)
    await fund(shop.id, None, 5_000)
    quote = await warm.quote(shop, [Wish(warm.world.goods.sku_id, 2)], coupon_codes=["SPRING"])
    asked = await statements(
        checkout.create_order(
            shop=shop,
            buyer=Buyer(),
            quote_id=quote.id,
            contact="buyer@example.com",
            affiliate_code=None,
            idempotency_key=key(),
        )
    )
    # The price; the coupons; what their budgets hold; the order with its keys and its coupons.
    assert len(asked) == asks, asked


async def test_an_order_with_points_asks_one_more_for_those_who_have_any(warm: SalesDesk) -> None:
    buyer = await warm.world.customer(wallet_minor=100_000)
    shop = await begin_program(await warm.shop())
    await plant_points(warm.owner, shop, buyer, 1_000)
    await warm.order()
    for customer, points, asks in ((buyer, 100, 3), (buyer, 0, 3), (None, 0, 2)):
        asked = await statements(
            paying.quick_buy(
                shop=shop,
                buyer=Buyer(customer.id if customer else None),
                wish=Wish(warm.world.goods.sku_id, 1),
                expected_total_minor=11_000 - points,
                contact=None,
                affiliate_code=None,
                method="WALLET" if customer else None,
                redeem_points=points,
                idempotency_key=key(),
            )
        )
        # The price; the points; the order with its keys, its payment, points and the ledger.
        assert len(asked) == asks, asked
    purchase = await warm.order(by=buyer, redeem_points=100)
    payment_id = await purchase.start()
    # The payment, the order, the settlement with the points that it earns.
    assert len(await statements(purchase.heard(payment_id))) == 3


def test_an_order_without_coupons_and_points_is_placed_by_statements_that_know_of_none() -> None:
    ways = (Way(), Way(pays=True), Way(pays=True, at_cost=True))
    placing = [
        statement
        for way in ways
        for statement in (placing_statements.at_once(way), placing_statements.in_turn(way))
    ]
    settling = [
        settling_statements.AT_COST,
        settling_statements.placed(earns=False),
        settling_statements.from_wallet(earns=False, by_hand=False),
        settling_statements.from_channel(earns=False, by_hand=False),
        settling_statements.at_once(earns=False, by_hand=False),
    ]
    for statement in (*placing, *settling):
        for part in ("coupon", "discount", "points", "attribution"):
            assert part not in statement.sql


async def test_paying_an_order_from_the_wallet_asks_four(warm: SalesDesk) -> None:
    buyer = await warm.world.customer(wallet_minor=100_000)
    purchase = await warm.order(2, by=buyer)
    asked = await statements(purchase.start("WALLET"))
    # The order; its payments and the wallet; its lines; the settlement.
    assert len(asked) == 4, asked
    assert await purchase.status() == "DELIVERED"


async def test_starting_a_payment_by_channel_asks_one_before_the_channel_and_one_after(
    warm: SalesDesk,
) -> None:
    purchase = await warm.order()
    asked = await statements(purchase.start("CARD"))
    # The payment; the channel's id of it.
    assert len(asked) == 2, asked


async def test_the_channels_news_ask_three(warm: SalesDesk) -> None:
    other = await warm.world.more_goods("steam-card")
    await warm.world.keys(5, other)
    purchase = await warm.order(
        wishes=[Wish(goods.sku_id, 2) for goods in (warm.world.goods, other)]
    )
    report = await purchase.report(await purchase.start("CARD"))
    asked = await statements(settlement.hear(report))
    # Whose payment it is; the lines; the settlement.
    assert len(asked) == 3, asked
    assert await purchase.status() == "DELIVERED"
    assert len(await statements(settlement.hear(report))) == 1, "said again"


async def test_a_word_of_the_channel_that_changes_nothing_asks_two(warm: SalesDesk) -> None:
    purchase = await warm.order()
    report = await purchase.report(await purchase.start("CARD"), "PENDING")
    for asks in (2, 1):
        asked = await statements(settlement.hear(report))
        # Whose payment it is; the event's row.
        assert len(asked) == asks, asked
