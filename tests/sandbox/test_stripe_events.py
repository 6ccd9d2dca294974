"""Events and their delivery: signed, at least once, and wrong on demand."""

import time

import pytest
import stripe

from billing.payment_methods.stripe_events import NEEDED_EVENTS
from sandbox.stripe.config import API_VERSION, SandboxConfig, SandboxSettings
from sandbox.stripe.mail import retry_delay_seconds
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


async def test_webhooks_carry_a_genuine_signature(desk: Desk, shop: Shop) -> None:
    intent = await desk.paid(idempotency_key="attempt-1")
    await eventually(lambda: len(shop.heard) == 3)

    events = [
        stripe.Webhook.construct_event(body.decode(), signature, WEBHOOK_SECRET)
        for body, signature in shop.heard
    ]

    paid = next(event for event in events if event.type == "payment_intent.succeeded")
    assert (paid.api_version, paid.livemode) == (API_VERSION, False)
    assert "account" not in paid.to_dict()
    assert isinstance(paid.data.object, stripe.PaymentIntent)
    assert (paid.data.object.id, paid.data.object.status) == (intent.id, "succeeded")
    assert paid.request is not None
    assert paid.request.idempotency_key == "attempt-1"
    body, signature = shop.heard[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.decode() + " ", signature, WEBHOOK_SECRET)


async def test_events_are_listed_by_type_and_found_by_id(desk: Desk, shop: Shop) -> None:
    await desk.paid()
    events = desk.client.v1.events
    listed = await events.list_async({"type": "charge.*", "limit": 5})
    assert [event.type for event in listed.data] == ["charge.succeeded"]
    several = await events.list_async(
        {"types": ["payment_intent.created", "payment_intent.succeeded"]}
    )
    assert len(several.data) == 2
    await eventually(lambda: len(shop.heard) == 3)

    event_id = listed.data[0].id
    history = await desk.deliveries(attempts=1, event_id=event_id)

    assert [attempt["status_code"] for attempt in history["attempts"]] == [200]
    assert history["attempts"][0]["event_type"] == "charge.succeeded"
    assert (await events.retrieve_async(event_id)).pending_webhooks == 0


async def test_delivery_is_repeated_until_it_is_acknowledged(desk: Desk, shop: Shop) -> None:
    shop.next_status_codes[:] = [500, 302]
    await desk.client.v1.payment_intents.create_async({"amount": 500, "currency": "cny"})

    await eventually(lambda: len(shop.heard) == 3)

    assert len({body for body, _ in shop.heard}) == 1
    history = await desk.deliveries(attempts=3)
    assert [attempt["status_code"] for attempt in history["attempts"]] == [500, 302, 200]
    assert [attempt["acknowledged"] for attempt in history["attempts"]] == [False, False, True]
    first, second, third = (attempt["attempted_at"] for attempt in history["attempts"])
    assert second - first >= 0.5
    assert third - second >= 1.0
    assert history["states"] == {"acknowledged": 1}


async def test_an_endpoint_hears_of_the_events_that_it_has_asked_for(shop: Shop) -> None:
    listening = listening_socket()
    config = SandboxConfig(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        public_url=url_of(listening),
        webhook_url=shop.url,
        webhook_events=frozenset({"payment_intent.succeeded", "payment_intent.canceled"}),
    )
    with sandbox_running(config, listening):
        async with desk_of(config) as desk:
            await desk.paid()
            history = await desk.deliveries(attempts=1)
            listed = await desk.client.v1.events.list_async()

    assert [attempt["event_type"] for attempt in history["attempts"]] == [
        "payment_intent.succeeded"
    ]
    assert history["states"] == {"acknowledged": 1}
    assert [event["type"] for event in shop.events] == ["payment_intent.succeeded"]
    assert {event.type: event.pending_webhooks for event in listed.data} == {
        "payment_intent.created": 0,
        "charge.succeeded": 0,
        "payment_intent.succeeded": 0,
    }


def test_the_environment_names_the_events_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMENG_SANDBOX_STRIPE_API_KEY", API_KEY)
    monkeypatch.setenv("KAMENG_SANDBOX_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
    monkeypatch.setenv("KAMENG_SANDBOX_STRIPE_WEBHOOK_URL", "http://127.0.0.1:1/")
    assert SandboxSettings().account().hears_of("charge.succeeded")
    monkeypatch.setenv("KAMENG_SANDBOX_STRIPE_WEBHOOK_EVENTS", ",".join(NEEDED_EVENTS))
    account = SandboxSettings().account()
    assert [account.hears_of(one) for one in (*NEEDED_EVENTS, "charge.succeeded", "*")] == [
        *(True for _ in NEEDED_EVENTS),
        False,
        False,
    ]


def test_the_pauses_between_attempts_grow_to_a_limit() -> None:
    pauses = [retry_delay_seconds(attempts=attempts) for attempts in range(1, 12)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 30.0
    assert retry_delay_seconds(attempts=100_000) == 30.0


async def test_events_arrive_several_times_when_asked(desk: Desk, shop: Shop) -> None:
    await desk.fault(duplicate_events=3)
    intent = await desk.paid()
    await eventually(lambda: len(shop.heard) == 9)
    assert shop.types(about=intent.id).count("payment_intent.succeeded") == 3
    assert len({event["id"] for event in shop.events}) == 3


async def test_held_events_arrive_newest_first_when_flushed(desk: Desk, shop: Shop) -> None:
    await desk.fault(out_of_order={"hold": True})
    await desk.paid()
    assert (await desk.deliveries())["states"] == {"held": 3}
    assert shop.heard == []

    flushed = (await desk.http.post("/_sandbox/events/flush")).json()

    assert [attempt["status_code"] for attempt in flushed["delivered"]] == [200, 200, 200]
    assert [event["type"] for event in shop.events] == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]


async def test_shuffled_events_all_arrive(desk: Desk, shop: Shop) -> None:
    await desk.fault(out_of_order={"shuffle_seconds": 0.3})
    intent = await desk.paid()
    await eventually(lambda: len(shop.heard) == 3)
    assert len(set(shop.types(about=intent.id))) == 3


async def test_lost_events_are_recorded_and_arrive_only_when_resent(desk: Desk, shop: Shop) -> None:
    await desk.fault(lost={"types": ["payment_intent.succeeded"]})
    await desk.paid()
    await eventually(lambda: len(shop.heard) == 2)
    lost = (await desk.client.v1.events.list_async({"type": "payment_intent.succeeded"})).data[0]
    history = await desk.deliveries(attempts=2)
    assert history["states"] == {"acknowledged": 2, "lost": 1}

    (await desk.http.post(f"/_sandbox/events/{lost.id}/resend")).raise_for_status()

    await eventually(lambda: len(shop.heard) == 3)
    assert shop.events[-1]["id"] == lost.id


async def test_delayed_events_arrive_later(desk: Desk, shop: Shop) -> None:
    await desk.fault(delay_seconds=0.4)
    began = time.time()
    await desk.client.v1.payment_intents.create_async({"amount": 500, "currency": "cny"})
    history = await desk.deliveries(attempts=1)
    assert history["attempts"][0]["attempted_at"] >= began + 0.4
