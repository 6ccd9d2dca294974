"""Disputes of what is not a simple sale: by hand, with coupons and points, of a trade balance."""

import pytest

from coupon_issuers import PLATFORM_PAYS, coupon_state, fund, issue
from dispute_desk import bank_of, disputed
from hand_desk import SAID, HandDesk, open_by_hand
from offers.quotes import Wish
from orders import checkout, settlement, trade_funding
from orders.checkout import Buyer
from orders.disputed import OrderDisputed
from orders.disputes import deciding
from orders.disputes.hearing import hear
from orders.manual import ending
from orders.records import Viewer
from points_desk import balance, begin_program
from sales import Purchase, SalesDesk, key, provider_ref

pytestmark = pytest.mark.engines


async def _due(desk: SalesDesk) -> HandDesk:
    """A top-up of an account that was paid by card and is not delivered yet."""
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)])
    made = await checkout.create_order(
        shop=shop,
        buyer=Buyer(None),
        quote_id=quote.id,
        contact=None,
        affiliate_code=None,
        idempotency_key=key(),
        said={desk.world.goods.sku_id: SAID},
    )
    no = await desk.owner.fetchval("select no from orders where id = $1", made.order_id)
    viewer = Viewer(guest_token=made.guest_token)
    bought = Purchase(desk, shop, viewer, made.order_id, no, quote.total_minor)
    await bought.paid()
    line_id = await desk.owner.fetchval(
        "select line_id from manual_deliveries where order_id = $1", bought.id
    )
    return HandDesk(desk, bought, line_id)


async def test_nobody_delivers_by_hand_while_the_bank_decides_and_then_has_its_time_back(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world)
    won, lost, partly = [await _due(desk) for _ in range(3)]
    banks = [await bank_of(won.bought), await bank_of(lost.bought)]
    banks.append(await bank_of(partly.bought, 4_000))
    for bank in banks:
        await bank.opens()
    with pytest.raises(OrderDisputed):
        await won.begin()
    assert await desk.owner.fetchval("select count(*) from manual_events") == 0
    await desk.world.shift_clock("3 hours")
    assert await ending.late_deliveries(10) == []
    await desk.assert_sound()

    await banks[0].loses()
    assert await won.begin() == SAID
    await won.deliver(note="done")
    await banks[1].wins()
    await banks[2].wins()
    assert (await lost.state(), await partly.state()) == ("CANCELED", "CANCELED")
    assert await lost.bought.status() == await partly.bought.status() == "CHARGED_BACK"
    await desk.send_refunds()
    books = await desk.books(("T2", desk.world.shop.id), ("supplier", desk.world.goods.supplier_id))
    # Of the one whose bank wanted a part, the rest went back by the channel.
    assert list(desk.channels["CARD"].refunded.values()) == [7_000]
    assert "L:ESCROW" not in books
    assert "L:REFUND_DUE" not in books
    assert books["L:PARTY:PENDING supplier"] == -7_600
    await desk.assert_sound()


async def test_points_and_coupons_of_a_lost_sale_end_with_it_as_the_goods_were(
    desk: SalesDesk,
) -> None:
    shop = await begin_program(await desk.shop())
    await fund(desk.world.root.id, None, 10_000)
    await issue(shop, "SPRING", 500, payers=PLATFORM_PAYS, max_uses=5)
    await desk.world.keys(2)
    for goods, points_left, uses in (("GOOD", 0, 1), ("BAD", 0, 1)):
        buyer = await desk.world.customer()
        bought = await (await desk.order(by=buyer, coupon_codes=["SPRING"])).paid()
        await bought.reveal()
        assert await balance(shop, buyer) == 105
        bank = await bank_of(bought)
        await bank.opens()
        case_id = await desk.owner.fetchval(
            "select id from disputes where order_id = $1", bought.id
        )
        await deciding.decide_goods(case_id=case_id, within=None, goods=goods)  # type: ignore[arg-type]  # of both words
        await bank.wins()
        assert await balance(shop, buyer) == points_left
        assert (await coupon_state(desk.owner))["live"] == uses
        await desk.assert_sound()
    # Only bad goods bring the platform its part of the discount back.
    books = await desk.books()
    assert books["L:PROMO"] == -(10_000 - 500)


async def test_a_wallet_part_stays_paid_when_the_bank_takes_the_channels_part(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=20_000)
    bought = await (await desk.order(2, by=buyer)).paid(wallet_minor=6_000)
    (first, _) = await bought.unopened()
    await bought.reveal([first])
    bank = await bank_of(bought)
    await bank.opens()
    await bank.wins()
    # 160.00 of 220.00 have bought one whole key of the two: the one that nobody has opened.
    assert await desk.key_states() == {"AVAILABLE": 1, "REVEALED": 1}
    line = await bought.line()
    assert (line.refunded_minor, line.returned_quantity) == (16_000, 1)
    with pytest.raises(Exception, match="larger than what is left"):
        await bought.refund(6_001, "SUPPLIER_FAULT")
    await bought.refund(6_000, "SUPPLIER_FAULT")
    assert await bought.status() == "CHARGED_BACK"
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -20_000
    await desk.assert_sound()


async def test_a_shop_answers_for_what_it_has_put_into_its_own_balance(desk: SalesDesk) -> None:
    shop = await desk.shop()
    for end, left_minor in (("WON", 20_000), ("LOST", 20_000)):
        started = await trade_funding.top_up_trade(
            shop=shop,
            actor="staff:owner",
            amount_minor=20_000,
            return_url="http://shop.localhost/",
            method="CARD",
            idempotency_key=key(),
        )
        payment = Purchase(desk, shop, Viewer(), started.payment_id, "", 0)
        report = await payment.report(started.payment_id)
        assert (await settlement.hear(report)).effect == "TOPPED_UP"
        bank = disputed(provider_ref(started.payment_id), 20_000)
        await bank.opens()
        await hear(bank.report(end, reinstated=end == "WON"))  # type: ignore[arg-type]  # of both words
        books = await desk.books(("T2", shop.id))
        assert books["L:TRADE T2"] == -left_minor
        await desk.assert_sound()
    kinds = await desk.owner.fetch("select kind, amount_minor from trade_moves order by number")
    assert [tuple(row) for row in kinds] == [
        ("TOP_UP", 20_000),
        ("DISPUTED", -20_000),
        ("DISPUTE_WON", 20_000),
        ("TOP_UP", 20_000),
        ("DISPUTED", -20_000),
    ]
    books = await desk.books(("T2", shop.id))
    assert books["A:RECV T2"] == 1_500  # the fee


async def test_a_sale_of_the_platforms_own_shop_is_the_platforms_loss(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    await desk.world.rule(desk.world.root, "RETAIL", "FIXED_OVER_COST", 1_000)
    goods = Wish(desk.world.goods.sku_id, 1)
    bought = await (await desk.order(wishes=[goods], at=desk.world.root)).paid()
    await bought.reveal()
    before = await desk.books()
    bank = await bank_of(bought)
    await bank.opens()
    await bank.wins()
    books = await desk.books()
    lost_minor = sum(
        books.get(code, 0) - before.get(code, 0)
        for code in ("R:WHOLESALE_MARGIN", "E:CHARGEBACK_LOSS")
    )
    assert lost_minor == bought.total_minor
    assert "R:DISPUTE_RECOVERY" not in books
    await desk.assert_sound()
