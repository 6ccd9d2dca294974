"""What a channel says becomes a delivery or a refund, once, and nothing in between."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from billing import accounts
from offers.quotes import Wish
from orders import settlement
from sales import SalesDesk

pytestmark = pytest.mark.engines

FEE_MINOR = 66
"""The channel's 0.6 % of the usual price of 110.00."""


async def test_a_part_from_the_wallet_is_held_until_the_channels_part_comes(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=5_000)
    purchase = await desk.order(by=buyer)
    payment_id = await purchase.start(wallet_minor=4_000)
    names = ("buyer", buyer.id)
    assert await desk.books(names) == {
        "A:GATEWAY:STRIPE": 5_000,
        "L:WALLET buyer": -1_000,
        "L:WALLET_HELD buyer": -4_000,
    }
    await purchase.heard(payment_id)
    books = await desk.books(names)
    # The fee is on what went through the channel, and on nothing else: 0.6 % of 70.00.
    assert (books["L:WALLET buyer"], books["E:GATEWAY_FEE"]) == (-1_000, 42)
    assert "L:WALLET_HELD buyer" not in books
    assert (await purchase.line()).channel_fee_minor == 42
    await desk.assert_sound()


@pytest.mark.parametrize("end", ["canceled", "expired", "channel", "superseded", "wrong"])
async def test_however_a_payment_ends_without_success_its_wallet_part_is_free_again(
    desk: SalesDesk, end: str
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=5_000)
    purchase = await desk.order(by=buyer)
    payment_id = await purchase.start(wallet_minor=4_000)
    if end == "canceled":
        await purchase.cancel()
    elif end == "expired":
        await desk.world.shift_clock("16 minutes")
        await desk.sweep()
    elif end == "channel":
        await purchase.heard(payment_id, "CANCELED")
    elif end == "superseded":
        await purchase.start("ALIPAY")
    else:
        await purchase.heard(payment_id, amount_minor=6_999)
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -5_000
    assert "L:WALLET_HELD buyer" not in books
    # Money that comes all the same cannot buy what was promised with the wallet's part.
    assert (await purchase.heard(payment_id)).effect in ("REFUNDING", "NOTHING")
    assert await desk.key_states() in ({"AVAILABLE": 1}, {"HELD": 1})
    await desk.assert_sound()


async def test_money_that_comes_late_still_buys_keys_that_are_free(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    purchase = await desk.order(2)
    payment_id = await purchase.start()
    await desk.world.shift_clock("16 minutes")
    await desk.sweep()
    assert await purchase.status() == "EXPIRED"
    assert await desk.key_states() == {"AVAILABLE": 2}
    assert (await purchase.heard(payment_id)).effect == "LATE_SETTLED"
    assert await purchase.status() == "DELIVERED"
    assert await desk.key_states() == {"SOLD": 2}
    await desk.assert_sound()


async def test_money_that_comes_twelve_hours_late_goes_back(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    await desk.world.shift_clock("12 hours 16 minutes")
    await desk.sweep()
    assert (await purchase.heard(payment_id)).effect == "REFUNDING"
    assert await purchase.status() == "EXPIRED"
    assert await desk.key_states() == {"AVAILABLE": 1}
    await desk.assert_sound()


async def test_a_lost_hold_is_replaced_whole_or_the_money_goes_back_and_no_key_is_lost(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(4)
    first, second = await desk.order(3), await desk.order()
    payments = [await first.start(), await second.start()]
    await desk.world.shift_clock("15 minutes 30 seconds")
    # Before the worker sweeps, somebody takes over two of the four run-out holds and pays.
    rival = await desk.order(2)
    await rival.paid()
    assert (await first.heard(payments[0])).effect == "REFUNDING", "three, and two are left"
    assert (await second.heard(payments[1])).effect == "LATE_SETTLED"
    await desk.sweep()
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 3}
    await desk.assert_sound()


async def test_a_late_buyer_gets_no_key_that_is_too_near_to_its_end(desk: SalesDesk) -> None:
    world = desk.world
    await world.owner.execute("update skus set min_remaining_days = 10")
    now = await world.owner.fetchval("select platform_now()")
    await world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    await world.shift_clock("16 minutes")
    await desk.sweep()
    await (await desk.order()).paid()
    await world.keys(1, expires_at=now + timedelta(days=5))
    assert (await purchase.heard(payment_id)).effect == "REFUNDING"
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 1}
    await desk.assert_sound()


async def test_a_second_payment_of_the_same_order_goes_back(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    first, second = await purchase.start("CARD"), await purchase.start("ALIPAY")
    assert (await purchase.heard(second)).effect == "SETTLED"
    assert (await purchase.heard(first)).effect == "REFUNDING"
    await desk.send_refunds()
    books = await desk.books()
    # What stays at the channel is one price less two fees.
    assert books["A:GATEWAY:STRIPE"] == 11_000 - 2 * FEE_MINOR
    assert "L:REFUND_DUE" not in books
    await desk.assert_sound()


async def test_a_payment_that_was_given_up_and_pays_after_all_frees_what_replaced_it(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=5_000)
    purchase = await desk.order(by=buyer)
    given_up = await purchase.start("CARD")
    await purchase.start("ALIPAY", wallet_minor=4_000)
    assert (await purchase.heard(given_up)).effect == "SETTLED"
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -5_000
    await desk.assert_sound()


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(10_999, "CNY"), (11_001, "CNY"), (1, "CNY"), (11_000, "USD")]
)
async def test_a_wrong_amount_or_currency_buys_nothing_and_goes_back_as_it_came(
    desk: SalesDesk, amount_minor: int, currency: str
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    heard = await purchase.heard(payment_id, amount_minor=amount_minor, currency=currency)
    assert heard.effect == "REFUNDING"
    assert await purchase.status() == "PENDING_PAYMENT"
    await desk.send_refunds()
    assert list(desk.channels["CARD"].refunded.values()) == [amount_minor]
    # The order is still there to be paid as it should be.
    await purchase.paid("ALIPAY")
    assert await desk.key_states() == {"SOLD": 1}
    await desk.assert_sound()


async def test_news_of_a_payment_that_is_not_ours_changes_nothing(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    genuine = await purchase.report(payment_id)
    unknown = replace(genuine, provider_ref="pi_unknown", payment_id=uuid4())
    assert (await settlement.hear(unknown)).effect == "NOTHING"
    assert (await settlement.hear(replace(genuine, provider="other"))).effect == "NOTHING"
    for state in ("PENDING", "FAILED"):
        assert (await purchase.heard(payment_id, state)).effect == "NOTHING"
    assert await purchase.status() == "PENDING_PAYMENT"
    assert await desk.books() == {}
    await purchase.heard(payment_id)
    # A cancellation that overtakes nothing any more.
    assert (await purchase.heard(payment_id, "CANCELED")).effect == "NOTHING"
    assert await purchase.status() == "DELIVERED"
    await desk.assert_sound()


async def test_news_that_come_before_the_channels_answer_find_the_payment_by_its_own_id(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    await desk.owner.execute("update payments set provider_ref = null, status = 'CREATED'")
    assert (await purchase.heard(payment_id)).effect == "SETTLED"
    stored = await desk.owner.fetchval("select provider_ref from payments")
    assert stored == f"pi_{payment_id.hex}"
    await desk.assert_sound()


async def test_the_channels_fee_is_spread_over_the_lines_and_the_shop_pays_it(
    desk: SalesDesk,
) -> None:
    other = await desk.world.more_goods("other", supply_minor=3_333)
    await desk.world.keys(1)
    await desk.world.keys(2, other)
    purchase = await desk.order(wishes=[Wish(desk.world.goods.sku_id, 1), Wish(other.sku_id, 2)])
    await purchase.paid()
    fees = [line.channel_fee_minor for line in await purchase.lines()]
    assert sum(fees) == -(-purchase.total_minor * 60 // 10_000)
    assert all(fees)
    pending = accounts.party_pending(desk.world.shop.id, "CNY")
    earned = await desk.owner.fetchval("select -ledger_balance($1)", pending.id)
    assert earned == 3 * 2_000 - sum(fees), "its markup of 20.00 on three pieces"
    await desk.assert_sound()
