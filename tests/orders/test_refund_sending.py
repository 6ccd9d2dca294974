"""What is owed back is sent once, tried again until it is done, and never forgotten."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from orders import refund_sending
from orders.refund_sending import RETRY_AFTER_SECONDS
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines


@pytest.fixture
async def owed(desk: SalesDesk) -> Purchase:
    """A sale of 110.00 of which 50.00 is owed back."""
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    await purchase.refund(5_000)
    return purchase


async def row(desk: SalesDesk) -> asyncpg.Record:
    found = await desk.owner.fetchrow(
        """select status, attempts, provider_ref is not null as known,
                  next_attempt_at - platform_now() as wait, done_at is not null as done
           from refunds"""
    )
    assert found is not None
    return found


async def is_owed(desk: SalesDesk) -> bool:
    return "L:REFUND_DUE" in await desk.books()


async def test_a_refund_that_the_channel_does_at_once_leaves_the_ledger_at_once(
    desk: SalesDesk, owed: Purchase
) -> None:
    assert await owed.status() == "REFUNDING"
    await desk.send_refunds()
    refund = await row(desk)
    assert (refund["status"], refund["done"], refund["wait"]) == ("DONE", True, None)
    assert (await desk.books())["A:GATEWAY:STRIPE"] == 11_000 - 66 - 5_000
    assert await owed.status() == "PARTIALLY_REFUNDED"
    await desk.send_refunds()
    assert len(desk.channels["CARD"].refunded) == 1
    await desk.assert_sound()


async def test_a_refund_on_its_way_is_looked_at_until_it_has_arrived(
    desk: SalesDesk, owed: Purchase
) -> None:
    await desk.send_refunds("LATER")
    refund = await row(desk)
    assert (refund["status"], refund["known"]) == ("SENT", True)
    assert timedelta(0) < refund["wait"] <= timedelta(seconds=15)
    assert await is_owed(desk), "money leaves the ledger when it is done and not before"
    await desk.send_refunds()
    assert (await row(desk))["status"] == "SENT", "not before its time"
    await desk.world.shift_clock("16 seconds")
    await desk.send_refunds("LATER")
    await desk.world.shift_clock("40 seconds")
    await desk.send_refunds("DONE")
    assert (await row(desk))["status"] == "DONE"
    assert (await is_owed(desk), len(desk.channels["CARD"].refunded)) == (False, 1)
    await desk.assert_sound()


async def test_a_silent_channel_is_asked_again_and_again_ever_more_seldom(
    desk: SalesDesk, owed: Purchase
) -> None:
    passed = 0.0
    for attempt, wait_seconds in enumerate((*RETRY_AFTER_SECONDS, 3600), start=1):
        await desk.send_refunds("SILENT")
        refund = await row(desk)
        assert (refund["status"], refund["attempts"]) == ("DUE", attempt)
        assert refund["wait"] == pytest.approx(
            timedelta(seconds=wait_seconds), abs=timedelta(seconds=5)
        )
        passed += wait_seconds + 1
        await desk.world.shift_clock(f"{passed} seconds")
    assert await is_owed(desk)
    await desk.send_refunds("DONE")
    assert (await row(desk))["status"] == "DONE"
    assert list(desk.channels["CARD"].refunded.values()) == [5_000]
    await desk.assert_sound()


@pytest.mark.parametrize("refused_after", ["asking", "sending"])
async def test_a_refund_that_the_channel_refuses_stays_owed_and_is_not_called_done(
    desk: SalesDesk, owed: Purchase, refused_after: str
) -> None:
    if refused_after == "sending":
        await desk.send_refunds("LATER")
        await desk.world.shift_clock("16 seconds")
    await desk.send_refunds("REFUSED")
    refund = await row(desk)
    assert (refund["status"], refund["wait"]) == ("FAILED", None)
    assert await is_owed(desk)
    assert await owed.status() == "REFUNDING"
    await desk.assert_sound()


async def test_an_answer_that_was_lost_on_the_way_sends_nothing_twice(
    desk: SalesDesk, owed: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:

        async def dies(*_args: object, **_named: object) -> None:
            raise ConnectionResetError

        dying.setattr(refund_sending, "_note", dies)
        await desk.send_refunds()
    refund = await row(desk)
    assert (refund["status"], refund["known"]) == ("DUE", False)
    assert list(desk.channels["CARD"].refunded.values()) == [5_000], "and nobody has noted it"
    await desk.world.shift_clock("6 seconds")
    await desk.send_refunds()
    assert (await row(desk))["status"] == "DONE"
    assert list(desk.channels["CARD"].refunded.values()) == [5_000]
    await desk.assert_sound()


async def test_two_workers_never_send_the_same_refund(desk: SalesDesk, owed: Purchase) -> None:
    tried = await asyncio.gather(*(refund_sending.send_due_refunds(limit=50) for _ in range(4)))
    assert sorted(tried) == [0, 0, 0, 1]
    assert list(desk.channels["CARD"].refunded.values()) == [5_000]
    await desk.assert_sound()


async def test_an_order_of_two_refunds_is_refunding_until_both_are_done(
    desk: SalesDesk, owed: Purchase
) -> None:
    await desk.send_refunds("LATER")
    await owed.refund(6_000)
    await desk.send_refunds("DONE")
    assert await owed.status() == "REFUNDING"
    await desk.world.shift_clock("16 seconds")
    await desk.send_refunds("DONE")
    assert await owed.status() == "REFUNDED"
    await desk.assert_sound()
