"""A sale with points, from the quote to the refund: what is earned, redeemed, given back."""

from dataclasses import replace
from uuid import UUID

import pytest

from billing import ledger
from coupon_issuers import PLATFORM_PAYS, fund, issue
from kernel.errors import Refusal
from offers import quoted_points
from offers.quotes import PriceChanged, Wish
from orders import paying, placing
from orders.checkout import Buyer
from points_desk import balance, begin_program, give_points, moves, plant_earnings, plant_points
from promotions.points.expiring import expire_points
from promotions.points.purses import Purse, purse_of
from sales import Purchase, SalesDesk, key
from tenants.directory import Shop
from world import Person

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000
SPARE_MINOR = 11_000 - 9_000 - 66
"""What the shop has left of a sale, after the dearest fee that it may have to bear."""


async def books(desk: SalesDesk) -> dict[str, int]:
    return await desk.books(("T1", desk.world.agent.id), ("T2", desk.world.shop.id))


async def written(desk: SalesDesk) -> tuple[int, ...]:
    """What a refusal must leave as it was."""
    row = await desk.owner.fetchrow(
        """select (select count(*) from orders), (select count(*) from points_moves),
                  (select sum(left_points) from points_lots), (select count(*) from refunds),
                  (select count(*) from ledger_transactions),
                  (select count(*) from idempotency_records)"""
    )
    assert row is not None
    return tuple(row)


async def quick_buy(
    desk: SalesDesk, by: Person, points: int, *, method: str | None = "WALLET"
) -> None:
    await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(by.id),
        wish=Wish(desk.world.goods.sku_id, 1),
        expected_total_minor=PRICE_MINOR - points,
        contact=None,
        affiliate_code=None,
        method=method,
        redeem_points=points,
        idempotency_key=key(),
    )


async def test_a_sale_earns_points_out_of_the_shops_share_and_a_guest_earns_none(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    buyer = await desk.world.customer(wallet_minor=PRICE_MINOR)
    shop = await begin_program(await desk.shop())
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)], by=buyer)
    assert quote.points is not None
    assert (quote.points.earned, quote.points.balance, quote.points.most) == (110, 0, 0)
    await quick_buy(desk, buyer, 0)
    found = await books(desk)
    assert (found["L:POINTS T2"], found["L:PARTY:PENDING T2"]) == (-110, -(2_000 - 110))
    waiting = await desk.order(2, by=buyer)
    assert await balance(shop, buyer) == 110
    await waiting.paid()
    assert await balance(shop, buyer) == 330
    await (await desk.order()).paid()
    assert await moves(desk.owner, buyer) == [("EARNED", 110), ("EARNED", 220)]
    await desk.assert_sound()


async def test_what_the_shops_share_cannot_bear_is_not_earned_and_no_part_of_it(
    desk: SalesDesk,
) -> None:
    # A number that is cut to fit would tell the buyer what the shop earns, and so what it pays.
    await desk.world.keys(3)
    buyer = await desk.world.customer()
    much = (SPARE_MINOR + 50) * 10_000 // PRICE_MINOR
    await begin_program(await desk.shop(), earn_bp=much)
    await (await desk.order(by=buyer)).paid()
    await begin_program(await desk.shop(), earn_bp=SPARE_MINOR * 10_000 // PRICE_MINOR)
    await (await desk.order(by=buyer)).paid()
    [(kind, points)] = await moves(desk.owner, buyer)
    assert kind == "EARNED" and SPARE_MINOR - 2 <= points <= SPARE_MINOR
    await begin_program(await desk.shop(), is_on=False)
    await (await desk.order(by=buyer)).paid()
    assert len(await moves(desk.owner, buyer)) == 1
    await desk.assert_sound()


async def test_points_pay_for_a_part_and_the_affiliate_earns_of_the_rest_alone(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    await desk.world.affiliate("star")
    buyer = await desk.world.customer(wallet_minor=2 * PRICE_MINOR)
    shop = await begin_program(await desk.shop(), earn_bp=0, point_minor=10)
    await plant_points(desk.owner, shop, buyer, 300)
    purchase = await desk.order(by=buyer, redeem_points=100, affiliate_code="star")
    assert purchase.total_minor == 10_000
    assert (await books(desk))["L:POINTS T2"] == -3_000
    assert await balance(shop, buyer) == 200
    await purchase.paid()
    line = await purchase.line()
    assert (line.net_minor, line.funded_minor) == (PRICE_MINOR, 1_000)
    found = await books(desk)
    assert found["L:POINTS T2"] == -2_000
    assert found["L:PARTY:PENDING T2"] == -(2_000 - 300 - 60)
    assert "L:ESCROW" not in found
    await desk.assert_sound()
    # From the wallet it is one statement, and points go with a coupon that somebody else pays.
    await fund(desk.world.root.id, None, 500)
    await issue(await desk.shop(), payers=PLATFORM_PAYS)
    both = await desk.order(by=buyer, redeem_points=150, coupon_codes=["SPRING"])
    assert both.total_minor == PRICE_MINOR - 500 - 1_500
    await both.paid("WALLET")
    with pytest.raises(PriceChanged):
        await quick_buy(desk, buyer, 50)
    assert await moves(desk.owner, buyer) == [
        ("GRANTED", 300),
        ("REDEEMED", -100),
        ("REDEEMED", -150),
    ]
    await desk.assert_sound()


async def test_points_that_cannot_be_used_are_refused_and_a_quote_says_why(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    buyer, guest = await desk.world.customer(), None
    wishes = [Wish(desk.world.goods.sku_id, 1)]
    shop = await desk.shop()
    before = await written(desk)
    for by, reason in ((buyer, "NO_PROGRAM"), (guest, "CUSTOMERS_ONLY")):
        with pytest.raises(Refusal) as caught:
            await desk.quote(shop, wishes, by=by, redeem_points=10)
        assert caught.value.details["reason"] == reason
    assert await written(desk) == before
    shop = await begin_program(shop, earn_bp=0, least_points=20)
    await plant_points(desk.owner, shop, buyer, 19)  # too few to be used: the number says so
    for points, reason in ((19, "TOO_FEW"), (20, "TOO_MANY")):
        quote = await desk.quote(shop, wishes, by=buyer, redeem_points=points)
        assert quote.points is not None and quote.points.problem is not None
        assert (quote.points.most, quote.points.problem.details["reason"]) == (0, reason)
    await plant_points(desk.owner, shop, buyer, 5_981)
    before = await written(desk)
    for points, reason, details in ((5_501, "TOO_MANY", 5_500), (19, "TOO_FEW", 20)):
        quote = await desk.quote(shop, wishes, by=buyer, redeem_points=points)
        assert quote.points is not None and quote.points.problem is not None
        assert quote.total_minor == PRICE_MINOR
        assert details in quote.points.problem.details.values()
        with pytest.raises(Refusal) as caught:
            await quick_buy(desk, buyer, points, method=None)
        assert (caught.value.code, caught.value.details["reason"]) == (
            "POINTS_NOT_APPLICABLE",
            reason,
        )
    with pytest.raises(Refusal) as caught:
        await desk.quote(shop, wishes, by=buyer, redeem_points=-1)
    assert caught.value.field == "redeemPoints"
    assert await written(desk) == before
    limit = """insert into price_limits (tenant_id, sku_id, floor_minor, applies_to)
               values ($1, $2, $3, 'NET')"""
    await desk.owner.execute(limit, desk.world.agent.id, desk.world.goods.sku_id, PRICE_MINOR - 200)
    quote = await desk.quote(await desk.shop(), wishes, by=buyer, redeem_points=200)
    assert quote.points is not None
    assert (quote.points.most, quote.total_minor) == (200, PRICE_MINOR - 200)


async def test_another_shops_points_are_not_seen_and_each_shop_has_its_own(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(4)
    root, deep = await desk.shop(desk.world.root), await desk.shop()
    for shop in (root, deep):
        await begin_program(shop)
    buyers = [await desk.world.customer(desk.world.root), await desk.world.customer()]
    await desk.world.rule(desk.world.root, "RETAIL", "FIXED_OVER_COST", 2_000)
    await (await desk.order(by=buyers[0], at=desk.world.root)).paid()
    await (await desk.order(by=buyers[1])).paid()
    assert [await balance(root, buyers[0]), await balance(deep, buyers[1])] == [100, 110]
    assert [await balance(deep, buyers[0]), await balance(root, buyers[1])] == [0, 0]
    # The platform's own shop pays out of its margin, and has it back.
    purchase = await desk.order(by=buyers[0], at=desk.world.root, redeem_points=100)
    await purchase.paid()
    await purchase.refund((await purchase.line()).paid_minor)
    await desk.world.shift_clock("400 days")
    assert await expire_points(100) == 2
    assert not [name for name in await books(desk) if name.startswith("L:POINTS")]
    await desk.assert_sound()


async def ended(purchase: Purchase, how: str) -> None:
    if how == "canceled":
        await purchase.cancel()
        await purchase.cancel()
        return
    await purchase.desk.world.shift_clock("16 minutes")
    await purchase.desk.sweep()
    await purchase.desk.sweep()


@pytest.mark.parametrize("how", ["canceled", "expired"])
async def test_an_order_that_ends_unpaid_gives_points_back_to_their_lots_once(
    desk: SalesDesk, how: str
) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop(), earn_bp=0)
    await plant_points(desk.owner, shop, buyer, 100)
    await plant_points(desk.owner, shop, buyer, 100)
    purchase = await desk.order(by=buyer, redeem_points=150)
    assert await balance(shop, buyer) == 50
    await ended(purchase, how)
    assert await balance(shop, buyer) == 200
    assert await moves(desk.owner, buyer) == [
        ("GRANTED", 100),
        ("GRANTED", 100),
        ("REDEEMED", -100),
        ("REDEEMED", -50),
        ("RELEASED", 100),
        ("RELEASED", 50),
    ]
    await desk.assert_sound()


@pytest.mark.parametrize("gone", [False, True])
async def test_a_late_payment_takes_the_points_again_or_goes_back(
    desk: SalesDesk, *, gone: bool
) -> None:
    await desk.world.keys(3)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop())
    await plant_points(desk.owner, shop, buyer, 100)
    purchase = await desk.order(by=buyer, redeem_points=100)
    payment_id = await purchase.start()
    await ended(purchase, "expired")
    if gone:
        await desk.order(by=buyer, redeem_points=60)
    heard = await purchase.heard(payment_id)
    assert heard.effect == ("REFUNDING" if gone else "LATE_SETTLED")
    assert await balance(shop, buyer) == (40 if gone else 109)
    await desk.assert_sound()


async def test_a_refund_takes_what_was_earned_and_gives_back_what_was_redeemed(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop(), point_minor=7)
    await plant_points(desk.owner, shop, buyer, 100)
    purchase = await (await desk.order(3, by=buyer, redeem_points=100)).paid()
    earned = (33_000 - 700) * 100 // 10_000 // 7
    assert await balance(shop, buyer) == earned
    for amount_minor in (1, 9_999, 12_345):
        await purchase.refund(amount_minor)
        await desk.assert_sound()
    await purchase.refund((await purchase.line()).paid_minor - 22_345)
    assert await balance(shop, buyer) == 100
    assert (await books(desk))["L:POINTS T2"] == -700
    shares = "select sum(amount_minor - reversed_minor) from line_shares"
    assert await desk.owner.fetchval(shares) == 0
    assert await desk.owner.fetchval("select sum(points_minor) from refunds") == 0
    await desk.assert_sound()


async def test_points_that_are_spent_already_make_the_refund_smaller(desk: SalesDesk) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop(), earn_bp=1_000)
    first = await (await desk.order(by=buyer)).paid()
    second = await (await desk.order(by=buyer, redeem_points=1_000)).paid()
    assert await balance(shop, buyer) == 100 + 1_000
    await give_points(shop, buyer, -1_000)
    await first.refund(PRICE_MINOR)  # 1,100 were earned, and 100 are there
    refund = await desk.owner.fetchrow("select * from refunds")
    assert refund is not None
    assert (refund["amount_minor"], refund["points_minor"]) == (PRICE_MINOR, 1_000)
    assert (refund["channel_minor"], refund["wallet_minor"]) == (PRICE_MINOR - 1_000, 0)
    assert await balance(shop, buyer) == 0
    await desk.assert_sound()
    await desk.send_refunds()
    assert await first.status() == "REFUNDED"
    await second.give_back(1)  # brings 1,000 back, and takes the 1,000 that it had earned
    assert await balance(shop, buyer) == 0
    assert await desk.owner.fetchval("select sum(points_minor) from refunds") == 1_000
    await desk.assert_sound()


async def test_points_that_have_ended_are_the_shops_and_no_refund_asks_for_them_again(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop(), lasts_days=10, earn_bp=1_000)
    purchase = await (await desk.order(by=buyer)).paid()
    spent = await (await desk.order(by=buyer, redeem_points=500)).paid()
    assert await balance(shop, buyer) == 600 + 1_050
    await desk.world.shift_clock("11 days")
    assert await balance(shop, buyer) == 0
    with monkeypatch.context() as broken:  # a shop whose books cannot be written stops no sweep

        async def refuse(*_: object, **__: object) -> None:
            raise ConnectionError

        broken.setattr(ledger, "post", refuse)
        assert await expire_points(9) == 0
    assert [await expire_points(1), await expire_points(9), await expire_points(9)] == [1, 1, 0]
    found = await books(desk)
    assert "L:POINTS T2" not in found
    assert found["L:PARTY:AVAILABLE T2"] == -1_650
    await purchase.refund(PRICE_MINOR)
    assert await desk.owner.fetchval("select points_minor from refunds") == 500
    await spent.refund(10_500)  # what comes back so late is good for a while
    assert await balance(shop, buyer) == 500
    assert (await moves(desk.owner, buyer))[-1] == ("RETURNED", 500)
    await desk.assert_sound()


async def test_goodwill_leaves_points_where_they_are(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop())
    purchase = await (await desk.order(by=buyer)).paid()
    await purchase.refund(1_000, "GOODWILL")
    assert await balance(shop, buyer) == 110
    await purchase.refund(10_000, "SUPPLIER_FAULT")
    assert await balance(shop, buyer) == 10
    await desk.assert_sound()


async def test_the_shops_people_give_and_take_points_once_for_a_key(desk: SalesDesk) -> None:
    buyer, stranger = await desk.world.customer(), await desk.world.customer(desk.world.agent)
    shop = await desk.shop()
    with pytest.raises(Refusal) as caught:
        await give_points(shop, buyer, 10)
    assert caught.value.details["reason"] == "NO_PROGRAM"
    shop = await begin_program(shop, point_minor=3)
    before = await written(desk)
    for person, points, code in (
        (buyer, 10, "INSUFFICIENT_BALANCE"),
        (buyer, -1, "POINTS_NOT_APPLICABLE"),
        (stranger, -1, "NOT_FOUND"),
        (buyer, 0, "VALIDATION"),
    ):
        with pytest.raises(Refusal) as caught:
            await give_points(shop, person, points)
        assert caught.value.code == code
    assert await written(desk) == before
    await plant_earnings(shop, 100)
    for _ in range(2):
        assert (await give_points(shop, buyer, 33, key="one")).balance == 33
    with pytest.raises(Refusal) as caught:
        await give_points(shop, buyer, 32, key="one")
    assert caught.value.code == "IDEMPOTENCY_CONFLICT"
    assert (await give_points(shop, buyer, -13)).balance == 20
    found = await books(desk)
    assert (found["L:POINTS T2"], found["L:PARTY:AVAILABLE T2"]) == (-60, -40)
    await desk.assert_sound()


async def test_what_a_point_is_worth_never_changes(desk: SalesDesk) -> None:
    shop = await begin_program(await desk.shop(), point_minor=5)
    with pytest.raises(Refusal) as caught:
        await begin_program(shop, point_minor=6, earn_bp=9)
    assert caught.value.field == "pointValue"
    assert tuple(await desk.owner.fetchrow("select point_minor, earn_bp from points_programs")) == (
        5,
        100,
    )


async def test_who_waits_for_keys_redeems_and_earns_all_the_same(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer(wallet_minor=50_000)
    shop = await begin_program(await desk.shop())
    await plant_points(desk.owner, shop, buyer, 300)

    async def short(_: object) -> None:
        raise placing.Short

    with monkeypatch.context() as patch:
        patch.setattr(placing, "place_at_once", short)
        await (await desk.order(by=buyer, redeem_points=100)).paid()
        await quick_buy(desk, buyer, 100)
        assert await balance(shop, buyer) == 300 - 200 + 2 * 109
        await points_are_gone_meanwhile(desk, buyer, patch)
    await points_are_gone_meanwhile(desk, buyer, monkeypatch)
    await desk.assert_sound()


async def points_are_gone_meanwhile(
    desk: SalesDesk, buyer: Person, patch: pytest.MonkeyPatch
) -> None:
    """What was there when the price was asked for is not there when the order is written."""

    async def as_it_was(shop: Shop, customer_id: UUID) -> Purse | None:
        purse = await purse_of(shop, customer_id)
        return replace(purse, balance=1_000) if purse else None

    patch.setattr(quoted_points, "purse_of", as_it_was)
    before = await written(desk)
    with pytest.raises(Refusal) as caught:
        await quick_buy(desk, buyer, 400)
    assert caught.value.details["reason"] == "GONE"
    assert await written(desk) == before
