"""Sending refunds: each is made once, a bad one stops nobody, and the order ends as it should."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from billing import ledger
from billing.payment_methods import METHODS, stripe_api
from billing.payment_methods.base import ChannelShort, ChannelUnavailable
from billing.payment_methods.card import Card
from kernel.settings import settings
from orders.refund_sending import send_due_refunds
from sales import ChannelInMemory, Purchase, SalesDesk

pytestmark = pytest.mark.engines


@dataclass
class ForgetfulChannel(ChannelInMemory):
    """A channel that has forgotten the idempotency keys, as a real one does after a day."""

    made: list[tuple[UUID, str]] = field(default_factory=list)
    """Every refund that was made: our id of it and the channel's."""
    lose_answers: bool = False
    stumble_over: str | None = None
    """A payment whose refund ends in an error that nobody has thought of."""
    is_short: bool = False
    answered: dict[int, bool] = field(default_factory=dict)
    """Whether it was short when it was first asked with a key: that is the answer for a day."""

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
    ) -> tuple[str, bool]:
        if provider_ref == self.stumble_over:
            raise RuntimeError("an answer that nobody has thought of")
        if self.answered.setdefault(asks, self.is_short):
            raise ChannelShort
        refund_ref = f"re_{len(self.made)}"
        self.made.append((refund_id, refund_ref))
        if self.lose_answers:
            raise ChannelUnavailable
        return refund_ref, True

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        found = [refund_ref for ours, refund_ref in self.made if ours == refund_id]
        return (found[0], True) if found else None


@pytest.fixture
def card(desk: SalesDesk) -> Iterator[ForgetfulChannel]:
    """The card's channel, which forgets."""
    channel = ForgetfulChannel("CARD")
    desk.channels["CARD"] = channel
    with pytest.MonkeyPatch.context() as patch:  # which ends before the desk's own does
        patch.setitem(METHODS, "CARD", channel)
        yield channel


async def _refunded(desk: SalesDesk, *parts_minor: int) -> Purchase:
    """A sale by card of which these parts are owed back."""
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    for part_minor in parts_minor:
        await purchase.refund(part_minor)
    return purchase


async def _refunds(desk: SalesDesk) -> list[tuple[str, int]]:
    """The status of every refund and how often it was tried."""
    rows = await desk.owner.fetch("select status, attempts from refunds order by created_at, id")
    return [(row["status"], row["attempts"]) for row in rows]


async def test_a_refund_whose_answer_was_lost_is_found_again_and_not_made_twice(
    desk: SalesDesk, card: ForgetfulChannel
) -> None:
    purchase = await _refunded(desk, 11_000)
    card.lose_answers = True
    await desk.send_refunds()
    assert await _refunds(desk) == [("DUE", 1)]
    assert await purchase.status() == "REFUNDING"

    await desk.world.shift_clock("2 days")
    await desk.send_refunds()
    assert await _refunds(desk) == [("DONE", 2)]
    assert len(card.made) == 1
    assert await desk.owner.fetchval("select provider_ref from refunds") == card.made[0][1]
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_a_refund_waits_for_money_at_the_channel_and_is_then_made_once(
    desk: SalesDesk, card: ForgetfulChannel
) -> None:
    purchase = await _refunded(desk, 11_000)
    card.is_short = True
    await desk.send_refunds()
    assert (await _refunds(desk), await purchase.status()) == ([("DUE", 1)], "REFUNDING")

    card.is_short, card.lose_answers = False, True
    await desk.world.shift_clock("6 seconds")
    await desk.send_refunds()
    assert (await _refunds(desk), len(card.made)) == ([("DUE", 2)], 1)

    await desk.world.shift_clock("1 minute")
    await desk.send_refunds()
    assert (await _refunds(desk), len(card.made)) == ([("DONE", 3)], 1)
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_a_refund_that_raises_stops_no_other_and_stays_due(
    desk: SalesDesk, card: ForgetfulChannel
) -> None:
    purchases = [await _refunded(desk, 11_000) for _ in range(3)]
    card.stumble_over = await desk.owner.fetchval(
        "select provider_ref from payments where order_id = $1", purchases[0].id
    )
    await desk.send_refunds()
    assert await _refunds(desk) == [("DUE", 1), ("DONE", 1), ("DONE", 1)]
    assert [await purchase.status() for purchase in purchases] == [
        "REFUNDING",
        "REFUNDED",
        "REFUNDED",
    ]
    await desk.assert_sound()


@pytest.mark.parametrize(
    ("parts_minor", "status"),
    [((5_500, 5_500), "REFUNDED"), ((1_000, 2_000), "PARTIALLY_REFUNDED")],
)
async def test_two_refunds_of_one_order_that_end_at_once_leave_it_settled(
    desk: SalesDesk,
    monkeypatch: pytest.MonkeyPatch,
    parts_minor: tuple[int, ...],
    status: str,
) -> None:
    purchase = await _refunded(desk, *parts_minor)
    post, posted, both_posted = ledger.post, [], asyncio.Event()

    async def post_slowly(*entries: Any, **words: Any) -> UUID:
        transaction_id = await post(*entries, **words)
        posted.append(transaction_id)
        if len(posted) == 2:
            both_posted.set()
        with suppress(TimeoutError):  # the other one comes as far only if nothing orders the two
            await asyncio.wait_for(both_posted.wait(), 1.0)
        return transaction_id

    channel, both_asked = desk.channels["CARD"], asyncio.Barrier(2)
    refund = channel.refund

    async def refund_together(**words: Any) -> tuple[str, bool]:
        await both_asked.wait()
        return await refund(**words)

    monkeypatch.setattr(channel, "refund", refund_together)
    monkeypatch.setattr(ledger, "post", post_slowly)
    assert await asyncio.gather(*(send_due_refunds(limit=1) for _ in parts_minor)) == [1, 1]
    assert await _refunds(desk) == [("DONE", 1), ("DONE", 1)]
    left_at = await desk.owner.fetchval(
        "select aftersale_status from orders where id = $1", purchase.id
    )
    assert (left_at, await purchase.status()) == (status, status)
    await desk.assert_sound()


@asynccontextmanager
async def channel_that_does_not_know_us(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[list[bytes]]:
    """The real card method, at a channel that answers 401 to everything; what it was asked."""
    asked: list[bytes] = []
    body = b'{"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}'
    head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("KAMENG_STRIPE_API_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("KAMENG_STRIPE_API_KEY", "sk_test_of_yesterday")
    settings.cache_clear()
    stripe_api.client.cache_clear()
    async with server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(METHODS, "CARD", Card())
            yield asked
    stripe_api.client.cache_clear()


async def test_a_refund_waits_while_the_channel_does_not_take_our_key(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await _refunded(desk, 11_000)
    async with channel_that_does_not_know_us(monkeypatch) as asked:
        assert await send_due_refunds(limit=50) == 1
    assert asked == [b"POST /v1/refunds HTTP/1.1\r\n"]
    assert await _refunds(desk) == [("DUE", 1)]
    assert await purchase.status() == "REFUNDING"
    await desk.assert_sound()
