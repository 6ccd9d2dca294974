"""Paying on the channel's own page: each method through a sale and a refund, late, twice, wrong."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from billing import payment_choices, payments
from billing.payment_choices import Choice
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import until
from stories.books import Books
from stories.buyers import Json, Purchase, Stall, key
from stories.channel import Asked, Channel, asked_for, event, everything_written
from stories.market import Market
from world import World

pytestmark = pytest.mark.engines
package = pytest.mark.asyncio(loop_scope="package")
module = pytest.mark.asyncio(loop_scope="module")

OPTIONS = """query ($no: String!, $token: String) { storefront { paymentMethods { code } }
  order(no: $no, guestToken: $token) { paymentMethods { code label modes countries topsUp } } }"""
_DOLLARS = ("KLARNA", "AFFIRM", "AFTERPAY")


async def shop_in(market: Market, currency: str, *, keys: int, methods: Sequence[str]) -> Stall:
    """A shop that sells in a currency and takes these methods."""
    stall = await market.stall(keys=keys)
    await market.world.owner.execute(
        "update tenants set currency = $2, payment_methods = $3 where id = $1",
        stall.shop.id,
        currency,
        list(methods),
    )
    await market.world.owner.execute(
        "update supplier_listings set currency = $2 where sku_id = $1", stall.goods.sku_id, currency
    )
    return stall


async def hosted(purchase: Purchase, method: str, **more: Any) -> Json:
    """Start paying on the channel's page."""
    return await purchase.buyer.do(
        "paymentStart",
        **purchase.ref,
        method=method,
        mode="HOSTED",
        returnPath=f"/o/{purchase.no}/return",
        idempotencyKey=key(),
        **more,
    )


def session_of(started: Json) -> str:
    """The session's id: the page's address ends with it."""
    session_id: str = started["actionUrl"].rpartition("/")[2]
    return session_id


async def approve(market: Market, started: Json) -> None:
    await market.platform.sandbox_control("POST", f"sessions/{session_of(started)}/approve")


async def given_back(market: Market, purchase: Purchase) -> str:
    """Return all keys unopened, and wait until the channel has sent the money back."""
    line = await purchase.line()
    await purchase.buyer.do(
        "unrevealedReturn", **purchase.ref, lineId=line["id"], quantity=1, idempotencyKey=key()
    )
    done = await until(
        lambda: market.world.owner.fetchrow(
            """select p.provider_ref, r.status from refunds r join payments p on p.id = r.payment_id
               join orders o on o.id = r.order_id where o.no = $1""",
            purchase.no,
        ),
        lambda row: row is not None and row["status"] == "DONE",
    )
    intent: str = done["provider_ref"]
    return intent


@package
async def test_every_method_sells_on_the_channels_page_and_gives_its_money_back(
    market: Market,
) -> None:
    in_yuan = ["CARD", "ALIPAY", "WECHAT_PAY", "UNIONPAY"]
    for currency, methods in (("CNY", in_yuan), ("USD", _DOLLARS)):
        stall = await shop_in(market, currency, keys=len(methods), methods=methods)
        for method in methods:
            purchase = await (await market.customer(stall)).order(stall)
            started = await hosted(purchase, method)
            assert (started["status"], started["clientSecret"]) == ("PENDING", None)
            await approve(market, started)
            await purchase.until("DELIVERED")
            intent = await given_back(market, purchase)
            charges = (await market.at_channel(f"v1/charges?payment_intent={intent}")).json()
            assert [charge["amount_refunded"] for charge in charges["data"]] == [10_500]
    await market.assert_sound()


@package
async def test_only_what_fits_is_offered_and_all_else_is_refused_with_nothing_written(
    market: Market,
) -> None:
    every = ["WALLET", "CARD", "KLARNA", "AFFIRM", "STABLECOIN"]
    stall = await shop_in(market, "CNY", keys=1, methods=every)
    buyer = await market.customer(stall)
    purchase = await buyer.order(stall)
    seen = await buyer.ask(OPTIONS, {"no": purchase.no, "token": purchase.guest_token})
    assert [one["code"] for one in seen["storefront"]["paymentMethods"]] == ["WALLET", "CARD"]
    wallet, card = seen["order"]["paymentMethods"]
    assert (wallet["code"], wallet["modes"]) == ("WALLET", [])
    assert card == {
        "code": "CARD",
        "label": "Bank card",
        "modes": ["ELEMENTS", "HOSTED"],
        "countries": [],
        "topsUp": True,
    }
    for method, mode, field in (
        ("KLARNA", None, "method"),
        ("KLARNA", "HOSTED", "method"),
        ("STABLECOIN", "HOSTED", "method"),
        ("UNIONPAY", None, "method"),
        ("WALLET", "HOSTED", "mode"),
    ):
        problem = await buyer.refused(
            "paymentStart", **purchase.ref, method=method, mode=mode, idempotencyKey=key()
        )
        assert (problem["code"], problem["field"]) == ("VALIDATION", field), method
    await market.world.owner.execute(
        "update tenants set payment_methods = $2 where id = $1",
        stall.shop.id,
        ["CARD", "UNIONPAY", "KLARNA"],
    )
    problem = await buyer.refused(
        "paymentStart", **purchase.ref, method="UNIONPAY", mode="ELEMENTS", idempotencyKey=key()
    )
    assert (problem["code"], problem["field"]) == ("VALIDATION", "mode")
    problem = await buyer.refused(
        "walletTopUp",
        amount={"amountMinor": 5_000, "currency": "CNY"},
        method="KLARNA",
        idempotencyKey=key(),
    )
    assert (problem["code"], problem["field"]) == ("VALIDATION", "method")
    assert (
        await market.world.owner.fetchval(
            """select count(*) from payments p
        join orders o on o.id = p.order_id where o.no = $1""",
            purchase.no,
        )
        == 0
    )
    assert await purchase.status() == "PENDING_PAYMENT"


@package
async def test_a_page_is_found_again_by_poll_and_return_and_ends_with_its_order(
    market: Market,
) -> None:
    stall = await market.stall(keys=2)
    buyer = await market.customer(stall)
    purchase = await buyer.order(stall)
    async with market.events_lost(), market.worker_stopped():
        await approve(market, await hosted(purchase, "CARD"))
        back = await buyer.do("paymentRefresh", **purchase.ref)
        assert back["order"]["status"] == "DELIVERED"
    other = await buyer.order(stall)
    first, second = await hosted(other, "CARD"), await hosted(other, "ALIPAY")
    superseded = (await market.at_channel(f"v1/checkout/sessions/{session_of(first)}")).json()
    assert superseded["status"] == "expired"
    await buyer.do("orderCancel", **other.ref)
    ended = (await market.at_channel(f"v1/checkout/sessions/{session_of(second)}")).json()
    assert ended["status"] == "expired"
    await market.assert_sound()


@package
async def test_money_that_comes_minutes_after_the_hold_delivers_or_goes_back(
    market: Market,
) -> None:
    """The buyer pays in time, and the channel takes its time."""
    stall = await market.stall(keys=1)
    buyer = await market.customer(stall)
    in_time, too_late = await buyer.order(stall), None
    async with market.channel_fault(processing={}):
        await approve(market, await hosted(in_time, "CARD"))
        await market.forward(minutes=16)
        assert await in_time.status() == "EXPIRED"
        too_late = await buyer.order(stall)
        await approve(market, await hosted(too_late, "CARD"))
        await market.forward(minutes=16)
    one, other = await until(
        lambda: asyncio.gather(in_time.view(), too_late.view()),
        lambda both: sorted(order["status"] for order in both) == ["DELIVERED", "EXPIRED"],
    )
    lost = in_time if one["status"] == "EXPIRED" else too_late
    books = Books(market.world, stall, buyer=buyer.person)
    sent = [("LATE_PAYMENT", "DONE", 10_500)]
    assert await until(lambda: books.refunds(lost), lambda seen: seen == sent) == sent
    await market.assert_sound()


def session_event(asked: Asked, kind: str, **session: Any) -> dict[str, Any]:
    """An event of Stripe's about the session of a payment; `session` changes what it says."""
    paid = kind in ("completed", "async_payment_succeeded")
    told = event(asked, f"checkout.session.{kind}")
    told["data"]["object"] = {
        "id": asked.intent_id,
        "object": "checkout.session",
        "mode": "payment",
        "amount_total": asked.channel_minor,
        "currency": "cny",
        "livemode": False,
        "client_reference_id": str(asked.payment_id),
        "metadata": {"payment_id": str(asked.payment_id)},
        "payment_intent": f"pi_{asked.order_id.hex}",
        "payment_status": "paid" if paid else "unpaid",
        "status": "expired" if kind == "expired" else "complete",
        **session,
    }
    return told


async def session_asked_for(world: World) -> Asked:
    """An order of one key, whose buyer is on the channel's page."""
    asked = await asked_for(world)
    session = Asked(
        asked.order_id, asked.payment_id, f"cs_{asked.order_id.hex}", asked.channel_minor
    )
    await world.owner.execute(
        "update payments set provider_ref = $2 where id = $1", asked.payment_id, session.intent_id
    )
    return session


_END = """
select o.payment_status, o.fulfilment_status, p.status, p.provider_ref like 'pi_%' as by_intent,
       (select count(*) from delivered_keys d where d.order_id = o.id) as keys,
       (select count(*) from payment_events e where e.payment_id = p.id
        and e.effect not in ('NOTHING', 'ENDED')) as effects
from orders o join payments p on p.order_id = o.id where p.id = any ($1)
"""


@module
async def test_the_events_of_a_session_settle_once_in_any_order(
    here: Settings, channel: Channel, planted: World
) -> None:
    """Late success: it was complete and unpaid first, and its intent speaks, too."""
    kinds = ("unpaid", "async_payment_succeeded", "completed", "expired", "intent")
    orders = list(itertools.permutations(kinds))
    await planted.keys(len(orders))
    asked = [await session_asked_for(planted) for _ in orders]

    def said(one: Asked, kind: str) -> dict[str, Any]:
        if kind == "intent":
            intent = f"pi_{one.order_id.hex}"
            return event(one, "payment_intent.succeeded", id=intent, metadata={})
        if kind == "unpaid":
            return session_event(one, "completed", payment_status="unpaid")
        return session_event(one, kind)

    gate = asyncio.Semaphore(16)

    async def tell(one: Asked, order: Sequence[str]) -> set[int]:
        async with gate:
            return {await channel.say(said(one, kind)) for kind in order}

    told = await asyncio.gather(*(tell(*pair) for pair in zip(asked, orders, strict=True)))
    assert set().union(*told) == {200}
    rows = await planted.owner.fetch(_END, [one.payment_id for one in asked])
    assert {tuple(row.values()) for row in rows} == {("PAID", "DELIVERED", "SUCCEEDED", True, 1, 1)}
    assert len(rows) == 120
    assert await verify(here.database_url) == []


@module
async def test_another_session_amount_or_currency_pays_for_nothing(
    here: Settings, channel: Channel, planted: World
) -> None:
    await planted.keys(4)
    asked, other = await session_asked_for(planted), await session_asked_for(planted)
    before = await everything_written(planted.owner)
    # A session of nobody's, and one whose reference and metadata do not agree.
    nobodys: tuple[dict[str, Any], ...] = (
        {"id": "cs_of_nobody", "client_reference_id": None, "metadata": {}},
        {"id": "cs_of_nobody", "client_reference_id": str(other.payment_id)},
    )
    for change in nobodys:
        assert await channel.say(session_event(asked, "completed", **change)) == 200
    assert await everything_written(planted.owner) == before
    # It names our payment; but for that one another session was made.
    stranger = session_event(asked, "completed", id="cs_of_somebody", payment_intent="pi_else")
    assert await channel.say(stranger) == 200
    effect = "select effect from payment_events where event_id = $1"
    assert await planted.owner.fetchval(effect, stranger["id"]) == "REFUSED"
    # The session of one order with the words of another pays for the one whose session it is.
    crossed = session_event(
        asked,
        "completed",
        client_reference_id=str(other.payment_id),
        metadata={"payment_id": str(other.payment_id)},
    )
    assert await channel.say(crossed) == 200
    rows = await planted.owner.fetch(_END, [asked.payment_id])
    assert [row["payment_status"] for row in rows] == ["PAID"]
    wrongs: tuple[tuple[dict[str, Any], tuple[int, str]], ...] = (
        ({"amount_total": 10_999}, (10_999, "CNY")),
        ({"currency": "usd"}, (11_000, "USD")),
    )
    for change, owed in wrongs:
        wrong = await session_asked_for(planted)
        assert await channel.say(session_event(wrong, "completed", **change)) == 200
        # What comes after does not take the way back from the money.
        assert await channel.say(session_event(wrong, "expired")) == 200
        row = await planted.owner.fetchrow(
            """select p.status, p.provider_ref, r.amount_minor, r.currency, r.reason
               from payments p join refunds r on r.payment_id = p.id where p.id = $1""",
            wrong.payment_id,
        )
        assert (row["status"], row["reason"]) == ("UNAPPLIED", "WRONG_PAYMENT")
        assert (row["amount_minor"], row["currency"]) == owed
        assert row["provider_ref"] == f"pi_{wrong.order_id.hex}"
    assert await verify(here.database_url) == []


@module
async def test_what_was_chosen_is_asked_again_alike(here: Settings, planted: World) -> None:
    """A death between the payment and its question: the poller asks for a page, and not a form."""
    asked = await asked_for(planted)
    payment = await _payment(planted, asked)
    assert await payment_choices.of_payment(payment.id, tenant_id=payment.tenant_id) == Choice()
    async with db.transaction(db.core_scope(payment.tenant_id)):
        await payment_choices.write(Choice(mode="HOSTED"), payment=payment)
    again = await payment_choices.of_payment(payment.id, tenant_id=payment.tenant_id)
    assert again.mode_of("CARD") == "HOSTED"
    # Another shop's transaction sees no choice of it.
    assert await payment_choices.of_payment(payment.id, tenant_id=new_id()) == Choice()


async def _payment(planted: World, asked: Asked) -> payments.Payment:
    async with db.transaction(db.core_scope(planted.shop.id)):
        found = await payments.by_id(asked.payment_id)
    assert found is not None
    return found
