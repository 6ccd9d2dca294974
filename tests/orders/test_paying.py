"""Starting a payment: what is owed is written first, and the channel is asked with no lock held."""

from collections.abc import Awaitable

import pytest

from billing.ledger import InsufficientBalance
from billing.payment_methods import WALLET
from billing.payment_methods.base import Ask, ChannelRefused, ChannelUnavailable, Started
from kernel import db
from kernel.errors import Invalid, NotFound
from orders import paying, topping_up
from orders.channel_calls import PaymentRefused
from orders.paying import PaymentStarted
from orders.records import HoldExpired, Viewer
from sales import Purchase, SalesDesk, key, provider_ref

pytestmark = pytest.mark.engines


async def statuses(desk: SalesDesk) -> list[str]:
    """The payments' states, the oldest first."""
    rows = await desk.owner.fetch(
        "select status from payments where order_id is not null order by created_at, id"
    )
    return [row["status"] for row in rows]


def start(
    purchase: Purchase, idempotency_key: str, method: str = "CARD"
) -> Awaitable[PaymentStarted]:
    return paying.start_payment(
        shop=purchase.shop,
        viewer=purchase.viewer,
        order_no=purchase.no,
        method=method,
        wallet_minor=0,
        return_url="http://shop.localhost/back",
        idempotency_key=idempotency_key,
    )


async def test_a_payment_is_written_before_the_channel_is_asked_and_no_lock_is_held(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    seen = []

    async def looks_around(ask: Ask) -> Started:
        with pytest.raises(db.NoTransaction):
            db.current_scope()
        seen.append(await statuses(desk))
        # Anybody can lock the order meanwhile.
        await desk.owner.execute("select from orders for update nowait")
        return Started(provider_ref(ask.payment_id), "https://channel.example/", None)

    monkeypatch.setattr(desk.channels["CARD"], "start", looks_around)
    started = await start(purchase, key())
    assert seen == [["CREATED"]]
    assert await statuses(desk) == ["PENDING"]
    assert (started.status, started.action_url) == ("PENDING", "https://channel.example/")


async def test_the_same_request_asks_the_channel_the_same_question(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    same = key()
    first, second = await start(purchase, same), await start(purchase, same)
    assert first.payment_id == second.payment_id
    assert await statuses(desk) == ["PENDING"]
    assert len({(ask.payment_id, ask.amount_minor) for ask in desk.channels["CARD"].asked}) == 1
    ask = desk.channels["CARD"].asked[0]
    assert (ask.amount_minor, ask.currency, ask.description) == (
        11_000,
        "CNY",
        f"shop {purchase.no}",
    )


async def test_another_method_supersedes_the_first_and_the_channel_is_told(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    first = await purchase.start("CARD")
    await purchase.start("ALIPAY")
    assert await statuses(desk) == ["SUPERSEDED", "PENDING"]
    assert desk.channels["CARD"].canceled == [provider_ref(first)]
    await desk.assert_sound()


async def test_what_cannot_be_paid_so_is_refused_and_nothing_is_written(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=500)
    guests, customers = await desk.order(), await desk.order(by=buyer)
    before = await desk.owner.fetch("select count(*) from ledger_entries")
    with pytest.raises(Invalid):
        await guests.start("CARD", wallet_minor=1)
    with pytest.raises(Invalid):
        await guests.start(WALLET)
    for impossible in (-1, 11_001, 11_000):
        with pytest.raises(Invalid):
            await customers.start("CARD", wallet_minor=impossible)
    with pytest.raises(InsufficientBalance):
        await customers.start("CARD", wallet_minor=501)
    with pytest.raises(InsufficientBalance):
        await customers.start(WALLET)
    with pytest.raises(Invalid):
        await customers.start("BITCOIN")
    with pytest.raises(NotFound):
        await Purchase(desk, guests.shop, Viewer(), guests.id, guests.no, 0).start()
    await desk.owner.execute("update tenants set payment_methods = array['ALIPAY']")
    customers.shop = await desk.shop()
    with pytest.raises(Invalid):
        await customers.start("CARD")
    assert await statuses(desk) == []
    assert await desk.owner.fetch("select count(*) from ledger_entries") == before


async def test_an_order_that_is_paid_canceled_or_past_its_time_is_not_paid(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    paid, canceled, late = await desk.order(), await desk.order(), await desk.order()
    await paid.paid()
    await canceled.cancel()
    for purchase in (paid, canceled):
        with pytest.raises(Invalid, match="not waiting"):
            await purchase.start()
    await desk.world.shift_clock("16 minutes")
    with pytest.raises(HoldExpired):
        await late.start()
    assert await statuses(desk) == ["SUCCEEDED"]


async def test_a_channel_that_says_no_ends_the_payment_and_one_that_says_nothing_does_not(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order(by=await desk.world.customer(wallet_minor=500))

    def answers(error: Exception) -> None:
        async def answer(ask: Ask) -> Started:
            raise error

        monkeypatch.setattr(desk.channels["CARD"], "start", answer)

    answers(ChannelRefused("card_not_supported"))
    with pytest.raises(PaymentRefused):
        await purchase.start(wallet_minor=500)
    answers(ChannelUnavailable("timeout"))
    with pytest.raises(PaymentRefused):
        await purchase.start(wallet_minor=500)
    assert await statuses(desk) == ["FAILED", "CREATED"]
    await desk.assert_sound()
    # The poller asks again, with the same key; then the news are the usual ones.
    monkeypatch.undo()
    await desk.world.shift_clock("31 seconds")
    await desk.ask_channels()
    assert await statuses(desk) == ["FAILED", "PENDING"]
    payment_id = await desk.owner.fetchval("select id from payments where status = 'PENDING'")
    assert (await purchase.heard(payment_id)).effect == "SETTLED"
    await desk.assert_sound()


async def test_a_top_up_is_in_the_wallet_when_the_channel_says_so_and_costs_the_platform_its_fee(
    desk: SalesDesk,
) -> None:
    buyer = await desk.world.customer()
    shop = await desk.shop()

    def top_up(amount_minor: int, method: str = "CARD") -> Awaitable[PaymentStarted]:
        return topping_up.top_up(
            shop=shop,
            customer_id=buyer.id,
            amount_minor=amount_minor,
            method=method,
            return_url="http://shop.localhost/",
            idempotency_key=key(),
        )

    for impossible in (0, topping_up.MIN_TOP_UP_MINOR - 1, topping_up.MAX_TOP_UP_MINOR + 1):
        with pytest.raises(Invalid):
            await top_up(impossible)
    with pytest.raises(Invalid):
        await top_up(1_000, WALLET)
    payment_id = (await top_up(10_001)).payment_id
    assert await desk.books() == {}
    like_any = Purchase(desk, shop, Viewer(buyer.id), payment_id, "", 10_001)
    assert (await like_any.heard(payment_id)).effect == "TOPPED_UP"
    assert (await like_any.heard(payment_id)).effect == "NOTHING"
    assert await desk.books(("buyer", buyer.id)) == {
        "A:GATEWAY:STRIPE": 10_001 - 61,
        "E:GATEWAY_FEE": 61,
        "L:WALLET buyer": -10_001,
    }
    await desk.assert_sound()
