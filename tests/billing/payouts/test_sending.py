"""Payouts through the channel: sent once, whatever the channel does, and seen to come back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from billing.payment_methods.stripe_events import read_webhook
from billing.payouts import connected_accounts, sending
from billing.payouts.connected_accounts import ChannelSilent
from billing.payouts.methods import methods_of
from billing.payouts.reviews import Decision, PayoutBlocked
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind
from channel_at_sandbox import leave, point_at
from entrypoints.verify import verify
from kernel.errors import NotFound
from payout_desk import EARNED_MINOR, PayoutDesk
from sandbox.stripe.config import SandboxConfig
from sandbox_desk import (
    API_KEY,
    WEBHOOK_SECRET,
    Desk,
    Shop,
    desk_of,
    eventually,
    listening_socket,
    sandbox_running,
    url_of,
)

pytestmark = pytest.mark.engines

STRIPE = MethodKind.STRIPE_ACCOUNT
NET_MINOR = 49_800


@pytest.fixture
async def channel(
    desk: PayoutDesk, shop_server: Shop, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    """A sandbox of this test's own, with money in it, and the shop paid at an account there."""
    listening = listening_socket()
    config = SandboxConfig(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        public_url=url_of(listening),
        webhook_url=shop_server.afresh().url,
    )
    point_at(config.public_url, monkeypatch)
    with sandbox_running(config, listening):
        async with desk_of(config) as channel:
            await top_up(channel, 1_000_000)
            await desk.paid_at(None)
            await connected_accounts.look_at_accounts(10)
            yield channel
    await leave()


async def top_up(channel: Desk, amount: int) -> None:
    wish = {"amount": amount, "currency": "cny"}
    (await channel.http.post("/_sandbox/topups", json=wish)).raise_for_status()


async def account_ref(desk: PayoutDesk) -> str:
    ref: str = await desk.owner.fetchval("select account_ref from payout_methods")
    return ref


async def onboard(desk: PayoutDesk, channel: Desk, *, complete: bool = True) -> None:
    """The holder says who they are, and the channel is asked once more."""
    path = f"/_sandbox/accounts/{await account_ref(desk)}/onboard"
    (await channel.http.post(path, json={"complete": complete})).raise_for_status()
    await sending.hint(await account_ref(desk))
    assert await connected_accounts.look_at_accounts(10) == 1


async def transfers(channel: Desk) -> list[Any]:
    """What the channel has sent."""
    made: list[Any] = (await channel.http.get("/v1/transfers")).json()["data"]
    return made


async def sent_to_channel(desk: PayoutDesk, channel: Desk) -> Payout:
    """A payout of 500.00 that waits for the worker."""
    await onboard(desk, channel)
    payout = await desk.sent(50_000, STRIPE)
    assert payout.state == "SENT"
    return payout


async def test_an_account_is_made_once_onboarded_and_only_then_paid_to(
    desk: PayoutDesk, channel: Desk
) -> None:
    ref = await account_ref(desk)
    await desk.owner.execute("update payout_methods set account_ref = null")
    link = await connected_accounts.onboarding_link(desk.party, return_url="https://x.example/")
    assert link.startswith(channel.config.public_url)
    assert await account_ref(desk) == ref, "the same method is the same account"
    payout = await desk.ask(50_000)
    await desk.check()
    with pytest.raises(PayoutBlocked) as refused:
        await desk.decide(Decision.APPROVE, payout)
    assert refused.value.details == {"reasons": "METHOD_NOT_READY"}

    await onboard(desk, channel)
    (method,) = await methods_of(desk.party)
    assert (method.ready, method.requirements) == (True, ())
    await desk.decide(Decision.APPROVE, payout)
    await onboard(desk, channel, complete=False)
    (method,) = await methods_of(desk.party)
    assert (method.ready, method.requirements) == (False, ("individual.verification.document",))
    with pytest.raises(NotFound):
        await desk.batch(STRIPE)


async def test_a_silent_channel_leaves_the_method_and_another_kind_has_no_link(
    desk: PayoutDesk, channel: Desk
) -> None:
    await channel.fault(error_5xx={"path_prefix": "/v1/account"})
    with pytest.raises(ChannelSilent):
        await connected_accounts.onboarding_link(desk.party, return_url="https://x.example/")
    await channel.clear_faults()
    await desk.paid_at()
    with pytest.raises(NotFound):
        await connected_accounts.onboarding_link(desk.party, return_url="https://x.example/")


async def test_a_payout_is_transferred_less_its_fee_and_confirmed(
    desk: PayoutDesk, channel: Desk
) -> None:
    payout = await sent_to_channel(desk, channel)
    assert await sending.send_due_payouts(10) == 1
    assert await sending.send_due_payouts(10) == 0

    paid = await desk.now(payout)
    (made,) = await transfers(channel)
    assert (paid.state, paid.provider_ref) == ("PAID", made["id"])
    assert (made["amount"], made["destination"]) == (NET_MINOR, await account_ref(desk))
    assert await desk.books() == {
        "A:BANK": -EARNED_MINOR,
        "A:GATEWAY:STRIPE": NET_MINOR,
        "L:PARTY:AVAILABLE": EARNED_MINOR - 50_000,
        "R:PAYOUT_FEE": 200,
    }
    assert await verify(desk.config.database_url) == []


@pytest.mark.parametrize("done_all_the_same", [False, True])
async def test_a_lost_answer_is_asked_for_before_anything_is_sent_again(
    desk: PayoutDesk, channel: Desk, done_all_the_same: bool
) -> None:
    payout = await sent_to_channel(desk, channel)
    await channel.fault(
        error_5xx={"requests": 1, "path_prefix": "/v1/transfers", "after_work": done_all_the_same}
    )
    await sending.send_due_payouts(10)
    assert await desk.state(payout) == "SENT"
    await desk.later(timedelta(days=2))  # the channel has forgotten the idempotency key
    await sending.send_due_payouts(10)

    assert await desk.state(payout) == "PAID"
    assert [made["amount"] for made in await transfers(channel)] == [NET_MINOR]
    assert await verify(desk.config.database_url) == []


async def test_an_empty_balance_waits_and_a_refusal_gives_the_money_back(
    desk: PayoutDesk, channel: Desk
) -> None:
    await channel.http.post("/_sandbox/fees", json={"amount": 990_000, "currency": "cny"})
    payout = await sent_to_channel(desk, channel)
    await sending.send_due_payouts(10)
    assert await desk.state(payout) == "SENT"
    assert (await desk.books())["L:PAYOUT_CLEARING"] == NET_MINOR
    await onboard(desk, channel, complete=False)  # the account takes nothing any more
    await desk.later(timedelta(minutes=1))
    await sending.send_due_payouts(10)

    failed = await desk.now(payout)
    assert (failed.state, failed.note) == (
        "FAILED", "refused: insufficient_capabilities_for_transfer",
    )  # fmt: skip
    assert await desk.books() == {"A:BANK": -EARNED_MINOR, "L:PARTY:AVAILABLE": EARNED_MINOR}
    assert await transfers(channel) == []

    await onboard(desk, channel)
    await top_up(channel, 100_000)
    await desk.decide(Decision.RETRY, failed)
    await desk.send(await desk.batch(STRIPE))
    await sending.send_due_payouts(10)
    assert await desk.state(payout) == "PAID"
    assert await verify(desk.config.database_url) == []


@pytest.mark.parametrize("heard", ["webhook", "poll"])
async def test_a_transfer_that_is_taken_back_is_returned_by_whichever_way_we_hear(
    desk: PayoutDesk, channel: Desk, shop_server: Shop, heard: str
) -> None:
    payout = await sent_to_channel(desk, channel)
    await sending.send_due_payouts(10)
    (made,) = await transfers(channel)
    reversals = f"/v1/transfers/{made['id']}/reversals"
    (await channel.http.post(reversals, data={"amount": "100"})).raise_for_status()
    await sending.hint(made["id"])
    await sending.send_due_payouts(10)
    assert await desk.state(payout) == "PAID", "a part of it is for people to look at"
    stops = await desk.owner.fetch("select party_id, source from payout_stops")
    assert [tuple(row) for row in stops] == [(desk.party.id, f"payout:{payout.id}")]

    (await channel.http.post(reversals, data={})).raise_for_status()
    if heard == "webhook":
        await eventually(lambda: shop_server.types(about=made["id"])[2:] == ["transfer.reversed"])
        for body, signature in shop_server.heard:
            told = read_webhook(body, signature)
            if told is not None:
                await sending.hint(getattr(told, "object_ref", ""))
    else:
        await desk.later(timedelta(days=9))
    await sending.send_due_payouts(10)

    assert await desk.state(payout) == "RETURNED"
    assert await desk.books() == {"A:BANK": -EARNED_MINOR, "L:PARTY:AVAILABLE": EARNED_MINOR}
    assert await verify(desk.config.database_url) == []


async def test_what_was_heard_twice_at_once_is_written_once(
    desk: PayoutDesk, channel: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was held up writes what another has written already."""
    payout = await sent_to_channel(desk, channel)
    note = sending._note_look

    async def twice(*heard: Any) -> None:
        await note(*heard)
        await note(*heard)

    monkeypatch.setattr(sending, "_note_look", twice)
    await sending.send_due_payouts(10)

    assert await desk.state(payout) == "PAID"
    confirmed = "select count(*) from ledger_transactions where kind = 'PAYOUT_CONFIRMED'"
    assert await desk.owner.fetchval(confirmed) == 1
