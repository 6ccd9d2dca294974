"""A shop buys at cost what a person delivers: paid into escrow, delivered later, or paid back."""

from typing import Any

import pytest

from hand_desk import SAID, HandDesk, open_by_hand
from kernel.errors import Invalid
from listeners import plant_endpoint
from notifications.claiming import claim
from notifications.handing_on import hand_on
from notifications.messages import body_of
from offers.at_cost import CostWish
from offers.delivery_modes import DeliveryModeNotAllowed
from offers.quotes import NotEnough
from orders import reveal
from orders.manual.ending import end_late, late_deliveries
from orders.purchasing import Bought
from orders.queries import order_view_by_id
from orders.records import Viewer
from random_markets import another_offer
from sales import Purchase, SalesDesk
from supply.places import declare_places
from tenants.directory import Shop
from trade_desk import COST_MINOR, STAFF, buy, credit, held_minor, moves
from world import Goods

pytestmark = pytest.mark.engines

WRITTEN = """
    select (select count(*) from orders), (select count(*) from trade_moves),
           (select count(*) from order_forms), (select count(*) from ledger_entries)
"""


@pytest.fixture
async def shop(desk: SalesDesk) -> Shop:
    """The third-level shop, with money for ten pieces."""
    shop = await desk.shop()
    await credit(shop, 10 * COST_MINOR)
    return shop


async def at_hand(desk: SalesDesk, shop: Shop, bought: Bought) -> HandDesk:
    """The supplier's desk, with the shop at the other end."""
    (line,) = bought.order.lines
    viewer = Viewer(purchases=True)
    order = Purchase(desk, shop, viewer, bought.order.id, bought.order.no, COST_MINOR)
    return HandDesk(desk, order, line.id)


async def by_hand_beside_keys(desk: SalesDesk) -> Goods:
    """The world's SKU, of which there are two keys, and places that a person fills."""
    await desk.world.keys(2)
    hand = await another_offer(desk.owner, desk.world.goods, supply_minor=8000)
    await desk.owner.execute("update supplier_listings set by_hand = true where id = $1",
                             hand.listing_id)  # fmt: skip
    await desk.owner.execute("update skus set manual_minutes = 60")
    await declare_places(listing_id=hand.listing_id, supplier_id=hand.supplier_id, quantity=3)
    return hand


async def test_a_top_up_is_bought_with_its_form_and_earned_above_when_it_is_done(
    desk: SalesDesk, shop: Shop
) -> None:
    goods = await open_by_hand(desk.world)
    said = {goods.sku_id: SAID}
    bought = await buy(shop, goods, said=said, idempotency_key="once")
    assert (bought.order.status, bought.keys) == ("FULFILLING", [])
    assert (await buy(shop, goods, said=said, idempotency_key="once")).order.id == bought.order.id
    assert await moves(desk.owner, shop.id) == [
        ("BANK_CREDIT", 90_000, 90_000), ("PURCHASE", -9_000, 81_000),
    ]  # fmt: skip
    escrowed = await desk.books()
    assert escrowed["L:ESCROW"] == -COST_MINOR
    assert not any(code.startswith("L:PARTY") for code in escrowed)
    hand = await at_hand(desk, shop, bought)
    assert await hand.begin() == SAID
    # The supplier asks, and the shop answers, which has to ask its own buyer.
    await hand.ask("uid")
    await hand.correct(uid="999888777")
    await hand.deliver(note="done")
    world = desk.world
    books = await desk.books(
        ("supplier", world.goods.supplier_id), ("agent", world.agent.id), ("shop", world.shop.id)
    )
    # E5: 76.00 to the supplier, 4.00 and 5.00 to the platform, 5.00 to T1, and nothing to T2.
    assert {code: minor for code, minor in books.items() if not code.startswith("A:")} == {
        "L:PARTY:PENDING supplier": -7_600, "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500, "L:PARTY:PENDING agent": -500, "L:TRADE shop": -81_000,
    }  # fmt: skip
    assert (await order_view_by_id(shop=shop, order_id=bought.order.id)).status == "DELIVERED"
    await desk.assert_sound()


async def test_contents_come_by_query_and_by_webhook(desk: SalesDesk, shop: Shop) -> None:
    goods = await open_by_hand(desk.world, mode="MANUAL", asks=False)
    endpoint_id = await plant_endpoint(desk.owner, shop.id, event_types=["order.delivered"])
    await desk.owner.execute(
        "update webhook_endpoints set sends_keys = true where id = $1", endpoint_id
    )
    shop = await desk.shop()  # which is listened to now
    bought = await buy(shop, goods, 2, client_reference="ours-1")
    hand = await at_hand(desk, shop, bought)
    await hand.begin()
    await hand.deliver("first account", "second account")
    await hand_on()
    (message,) = await claim(9)
    body = (await body_of(message)).decode()
    assert "first account" in body and "second account" in body
    _, keys = await reveal.reveal_keys(
        shop=shop, viewer=Viewer(purchases=True), order_no=bought.order.no,
        delivered_key_ids=None, witness=STAFF,
    )  # fmt: skip
    assert {key.secret for key in keys} == {"first account", "second account"}
    await desk.assert_sound()


@pytest.mark.parametrize("end", ["canceled", "refused", "missed"])
async def test_what_comes_to_nothing_goes_back_to_the_trade_balance(
    desk: SalesDesk, shop: Shop, end: str
) -> None:
    goods = await open_by_hand(desk.world)
    bought = await buy(shop, goods, 2, said={goods.sku_id: SAID})
    hand = await at_hand(desk, shop, bought)
    if end == "canceled":
        await hand.cancel()
    elif end == "refused":
        await hand.refuse()
    else:
        await desk.world.shift_clock("2 hours")
        (late,) = await late_deliveries(9)
        assert await end_late(late)
    assert await held_minor(desk.owner, shop.id) == 10 * COST_MINOR
    assert [kind for kind, _, _ in await moves(desk.owner, shop.id)][1:] == ["PURCHASE", "REFUND"]
    assert await hand.state() == end.upper()
    await desk.assert_sound()


async def test_who_does_not_choose_gets_keys_and_who_does_gets_what_a_person_delivers(
    desk: SalesDesk, shop: Shop
) -> None:
    goods = await by_hand_beside_keys(desk)
    assert (await buy(shop, goods)).order.status == "DELIVERED"
    mixed = [CostWish(goods.sku_id, 2, delivery_mode="MANUAL")]
    bought = await buy(shop, goods, lines=mixed, most_total_minor=2 * COST_MINOR)
    assert bought.order.status == "FULFILLING"
    await desk.assert_sound()


async def test_what_cannot_be_bought_is_refused_and_nothing_is_written(
    desk: SalesDesk, shop: Shop
) -> None:
    goods = await open_by_hand(desk.world, quantity=2)
    before = await desk.owner.fetchrow(WRITTEN)
    asked: list[tuple[type[Exception], dict[str, Any]]] = [
        (Invalid, {}),  # its form says nothing
        (Invalid, {"said": {goods.sku_id: {"uid": "x"}}}),
        (Invalid, {"said": {goods.sku_id: {**SAID, "more": "x"}}}),
        (NotEnough, {"said": {goods.sku_id: SAID}, "quantity": 3}),
        (DeliveryModeNotAllowed, {"said": {goods.sku_id: SAID}, "mode": "AUTO_KEY"}),
    ]
    for refusal, given in asked:
        wish = CostWish(
            goods.sku_id, given.pop("quantity", 1), delivery_mode=given.pop("mode", None)
        )
        with pytest.raises(refusal):
            await buy(shop, goods, lines=[wish], most_total_minor=10 * COST_MINOR, **given)
    assert await desk.owner.fetchrow(WRITTEN) == before
    await desk.assert_sound()
