"""One payment is one question to the channel, whatever is said again, given up or made up."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from billing.payment_methods import METHODS
from billing.payment_methods.base import Ask, Started
from orders import channel_calls, paying, settlement, topping_up
from orders.paying import PaymentStarted
from sales import ChannelInMemory, Purchase, SalesDesk, key, provider_ref
from world import Person

pytestmark = pytest.mark.engines


async def _nothing() -> None:
    """What happens in most tests while the channel is being asked."""


@dataclass
class WatchedChannel(ChannelInMemory):
    """A channel in memory that counts what is resumed, and during whose answer things happen."""

    resumed: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] = _nothing

    async def start(self, ask: Ask) -> Started:
        await self.meanwhile()
        return await super().start(ask)

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        self.resumed.append(provider_ref)
        return await super().resume(ask, provider_ref)


@pytest.fixture
def card(desk: SalesDesk) -> Iterator[WatchedChannel]:
    """The card's channel, watched."""
    channel = WatchedChannel("CARD")
    desk.channels["CARD"] = channel
    with pytest.MonkeyPatch.context() as patch:  # which ends before the desk's own does
        patch.setitem(METHODS, "CARD", channel)
        yield channel


async def _pay(purchase: Purchase, idempotency_key: str) -> PaymentStarted:
    return await paying.start_payment(
        shop=purchase.shop,
        viewer=purchase.viewer,
        order_no=purchase.no,
        method="CARD",
        wallet_minor=0,
        return_url="http://shop.localhost/",
        idempotency_key=idempotency_key,
    )


async def _top_up(desk: SalesDesk, customer: Person, idempotency_key: str) -> PaymentStarted:
    return await topping_up.top_up(
        shop=await desk.shop(),
        customer_id=customer.id,
        amount_minor=1_000,
        method="CARD",
        return_url="http://shop.localhost/",
        idempotency_key=idempotency_key,
    )


async def _payment_status(desk: SalesDesk, payment_id: UUID) -> str:
    status: str = await desk.owner.fetchval("select status from payments where id = $1", payment_id)
    return status


async def test_a_payment_started_again_with_the_same_key_is_resumed_and_never_made_again(
    desk: SalesDesk, card: WatchedChannel
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    idempotency_key = key()
    first = await _pay(purchase, idempotency_key)
    again = await _pay(purchase, idempotency_key)
    assert (again.payment_id, again.client_secret) == (first.payment_id, first.client_secret)
    assert [ask.payment_id for ask in card.asked] == [first.payment_id]
    assert card.resumed == [provider_ref(first.payment_id)]
    await desk.assert_sound()


async def test_a_top_up_started_again_with_the_same_key_is_resumed_and_never_made_again(
    desk: SalesDesk, card: WatchedChannel
) -> None:
    customer = await desk.world.customer()
    idempotency_key = key()
    first = await _top_up(desk, customer, idempotency_key)
    again = await _top_up(desk, customer, idempotency_key)
    assert again.payment_id == first.payment_id
    assert [ask.payment_id for ask in card.asked] == [first.payment_id]
    assert card.resumed == [provider_ref(first.payment_id)]
    await desk.assert_sound()


async def test_a_payment_that_has_ended_is_answered_without_asking_the_channel(
    desk: SalesDesk, card: WatchedChannel
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    customer = await desk.world.customer()
    order_key, top_up_key = key(), key()
    paid = await _pay(purchase, order_key)
    topped_up = await _top_up(desk, customer, top_up_key)
    for payment_id in (paid.payment_id, topped_up.payment_id):
        await purchase.heard(payment_id)

    for again in (await _pay(purchase, order_key), await _top_up(desk, customer, top_up_key)):
        assert again.status == "SUCCEEDED"
        assert (again.action_url, again.client_secret) == (None, None)
    assert (len(card.asked), card.resumed) == (2, [])
    await desk.assert_sound()


async def test_a_payment_given_up_while_the_channel_is_asked_is_cancelled_there_and_refused(
    desk: SalesDesk, card: WatchedChannel
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    card.meanwhile = purchase.cancel
    with pytest.raises(channel_calls.PaymentRefused):
        await _pay(purchase, key())
    (ask,) = card.asked
    assert card.canceled == [provider_ref(ask.payment_id)]
    assert await _payment_status(desk, ask.payment_id) == "CANCELED"
    assert await desk.key_states() == {"AVAILABLE": 1}
    await desk.assert_sound()


async def test_another_intent_that_names_our_payment_is_written_down_and_delivers_nothing(
    desk: SalesDesk, card: WatchedChannel
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    stranger = replace(await purchase.report(payment_id), provider_ref="pi_another")
    with capture_logs() as logs:
        assert (await settlement.hear(stranger)).effect == "REFUSED"

    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "payment_of_another_intent"
    ]
    (heard,) = await desk.owner.fetch(
        "select payment_id, provider_ref, effect, amount_minor from payment_events"
    )
    assert tuple(heard) == (payment_id, "pi_another", "REFUSED", purchase.total_minor)
    assert await _payment_status(desk, payment_id) == "PENDING"
    assert await desk.key_states() == {"HELD": 1}
    assert await desk.books() == {}
    # The payment's own intent still pays.
    assert (await purchase.heard(payment_id)).effect == "SETTLED"
    await desk.assert_sound()
