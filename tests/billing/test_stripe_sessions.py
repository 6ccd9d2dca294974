"""Payments on the channel's own page, against the sandbox's real server, over HTTP."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from billing.payment_methods import METHODS
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    PaymentMethod,
    Started,
)
from billing.payment_methods.stripe_events import ForgedEvent, read_webhook
from channel_at_sandbox import an_ask
from kernel.ids import new_id
from kernel.settings import settings
from sandbox_desk import Desk, Shop, eventually

BY_STRIPE = tuple(code for code, method in METHODS.items() if method.provider == "stripe")
IN_DOLLARS = ("KLARNA", "AFFIRM", "AFTERPAY", "STABLECOIN")


def hosted(code: str, amount_minor: int = 10_500) -> Ask:
    currency = "USD" if code in IN_DOLLARS else "CNY"
    return replace(an_ask(amount_minor), currency=currency, mode="HOSTED")


async def started_at(code: str) -> tuple[PaymentMethod, Ask, Started]:
    method, ask = METHODS[code], hosted(code)
    return method, ask, await method.start(ask)


async def approve(desk: Desk, session_ref: str) -> None:
    path = f"/_sandbox/sessions/{session_ref}/approve"
    (await desk.http.post(path, json={})).raise_for_status()


def told_of(shop: Shop, session_ref: str) -> list[ChannelReport]:
    """The reports in what the shop has heard, of this session."""
    reports = [read_webhook(body, signature) for body, signature in shop.heard]
    told = [one for one in reports if isinstance(one, ChannelReport)]
    return [one for one in told if session_ref in one.refs]


@pytest.mark.parametrize("code", BY_STRIPE)
async def test_a_page_is_made_once_paid_and_its_intent_refunded(desk: Desk, code: str) -> None:
    method, ask, started = await started_at(code)
    assert started == await method.start(ask) == await method.resume(ask, started.provider_ref)
    assert started.action_url == f"{desk.config.public_url}/pay/{started.provider_ref}"
    waiting = await method.look(started.provider_ref)
    assert (waiting.state, waiting.payment_id) == ("PENDING", ask.payment_id)
    assert waiting.provider_ref == started.provider_ref

    page = await desk.http.get(started.action_url)
    assert (page.status_code, "105.00" in page.text) == (200, True)
    back = await desk.http.post(started.action_url, content=b"decision=approve")
    assert (back.status_code, back.headers["location"]) == (303, ask.return_url)
    report = await method.look(started.provider_ref)
    assert (report.state, report.amount_minor) == ("SUCCEEDED", 10_500)
    assert (report.currency, report.payment_id) == (ask.currency, ask.payment_id)
    assert report.provider_ref.startswith("pi_")
    assert report.also_known_as == started.provider_ref
    await method.cancel(started.provider_ref)
    assert await method.look(started.provider_ref) == report

    intent = await desk.client.v1.payment_intents.retrieve_async(report.provider_ref)
    assert not intent.metadata.to_dict(), "only the session speaks of our payment"
    _, done = await method.refund(
        refund_id=new_id(), provider_ref=report.provider_ref, amount_minor=500
    )
    assert done


async def test_a_page_of_unionpay_takes_no_other_card(desk: Desk) -> None:
    _, _, started = await started_at("UNIONPAY")
    await approve(desk, started.provider_ref)
    report = await METHODS["UNIONPAY"].look(started.provider_ref)
    (charge,) = (
        await desk.client.v1.charges.list_async({"payment_intent": report.provider_ref})
    ).data
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.to_dict()["card"]["brand"] == "unionpay"


async def test_a_page_that_was_given_up_is_ended_and_cannot_be_paid(desk: Desk) -> None:
    method, ask, started = await started_at("CARD")
    await desk.http.post(f"/_sandbox/sessions/{started.provider_ref}/refuse", json={})
    assert (await method.look(started.provider_ref)).state == "PENDING"
    for _ in range(2):
        await method.cancel(started.provider_ref)
    assert (await method.look(started.provider_ref)).state == "CANCELED"
    assert (await method.resume(ask, started.provider_ref)).action_url is None
    refused = await desk.http.post(f"/_sandbox/sessions/{started.provider_ref}/approve", json={})
    assert refused.status_code == 400


@pytest.mark.parametrize(("outcome", "state"), [("succeeded", "SUCCEEDED"), ("failed", "CANCELED")])
async def test_money_that_takes_its_time_is_pending_until_it_is_decided(
    desk: Desk, shop: Shop, outcome: str, state: str
) -> None:
    method, ask, started = await started_at("STABLECOIN")
    await desk.fault(processing={"outcome": outcome})
    await approve(desk, started.provider_ref)
    assert (await method.look(started.provider_ref)).state == "PENDING"
    await desk.clear_faults()
    kind = f"checkout.session.async_payment_{outcome}"
    await eventually(lambda: kind in shop.types(about=started.provider_ref))
    report = await method.look(started.provider_ref)
    assert report.state == state
    first, last = told_of(shop, started.provider_ref)
    assert (first.kind, first.state) == ("checkout.session.completed", "PENDING")
    assert (last.kind, last.state) == (kind, state)
    assert last.provider_ref == report.provider_ref
    assert set(first.refs) == set(last.refs)
    assert {first.payment_id, last.payment_id} == {ask.payment_id}


async def test_a_session_whose_words_were_changed_is_nobodys_or_forged(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ask, started = await started_at("CARD")
    await approve(desk, started.provider_ref)
    kind = "checkout.session.completed"
    await eventually(lambda: kind in shop.types(about=started.provider_ref))
    body = next(body for body, _ in shop.heard if json.loads(body)["type"] == kind)
    monkeypatch.setattr("stripe.WebhookSignature.verify_header", lambda *_: True)

    def read(**change: object) -> ChannelReport | None:
        event = json.loads(body)
        event["data"]["object"].update(change)
        told = read_webhook(json.dumps(event).encode(), "any")
        assert told is None or isinstance(told, ChannelReport)
        return told

    def named(payment_id: UUID) -> dict[str, str]:
        return {"payment_id": str(payment_id)}

    genuine = read()
    assert genuine is not None and genuine.payment_id == ask.payment_id
    # Of the two places that name our payment one was changed: it names none.
    for change in ({"metadata": named(new_id())}, {"client_reference_id": str(new_id())}):
        report = read(**change)
        assert report is not None and report.payment_id is None
    for nonsense in (
        {"amount_total": None},
        {"amount_total": 0},
        {"amount_total": -5},
        {"amount_total": 2**63},
        {"currency": "¥¥¥"},
        {"payment_intent": None},
        {"payment_intent": 7},
        {"mode": "setup"},
        {"object": "payment_intent"},
        {"id": ""},
    ):
        with pytest.raises(ForgedEvent):
            read(**nonsense)
    unpaid = read(payment_status="unpaid")
    assert unpaid is not None and unpaid.state == "PENDING"


async def test_a_method_takes_its_currencies_and_amounts_and_the_channel_agrees(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("KLARNA", "AFFIRM", "AFTERPAY"):
        method = METHODS[code]
        assert not method.takes_all_of("USD") and not method.tops_up and method.modes == ("HOSTED",)
        assert not method.takes("CNY") and not method.takes("CNY", 10_500)
        assert method.takes("USD") and method.takes("USD", 10_500) and method.countries
    assert [METHODS["AFFIRM"].takes("USD", m) for m in (4_999, 5_000, 3_000_000, 3_000_001)] == [
        False,
        True,
        True,
        False,
    ]
    with pytest.raises(ChannelRefused):
        await METHODS["AFFIRM"].start(hosted("AFFIRM", amount_minor=4_999))
    card = METHODS["CARD"]
    assert card.takes_all_of("JPY") and card.takes("JPY", 1)
    # Of three decimals the channel counts two.
    assert card.takes("KWD", 1_500) and not card.takes("KWD", 1_505)
    assert not card.takes_all_of("KWD")
    for counted_otherwise in ("ISK", "MGA", "UGX"):
        assert not card.takes(counted_otherwise) and not card.takes_all_of(counted_otherwise)


def test_stablecoins_wait_for_their_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    method = METHODS["STABLECOIN"]
    assert not method.is_on and not method.takes("USD") and not method.takes("USD", 10_500)
    monkeypatch.setenv("KAMENG_STABLECOIN_PAYMENTS", "true")
    settings.cache_clear()
    assert method.is_on and method.takes("USD", 10_500)
    assert not method.takes("USD", 1_000_001) and not method.takes("EUR", 10_500)
    settings.cache_clear()
