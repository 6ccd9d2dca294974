"""Card, Alipay and WeChat Pay against the sandbox's real server, over HTTP."""

import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from billing.payment_methods import METHODS, dearest_fee_bp, stripe_api
from billing.payment_methods.base import (
    ChannelRefused,
    ChannelReport,
    ChannelShort,
    ChannelUnavailable,
)
from billing.payment_methods.stripe_events import ForgedEvent, read_webhook
from channel_at_sandbox import an_ask, leave, paid, point_at
from kernel.settings import settings
from sandbox_desk import (
    Desk,
    Shop,
    eventually,
    listening_socket,
    url_of,
)

EVERY_METHOD = pytest.mark.parametrize("code", ["CARD", "ALIPAY", "WECHAT_PAY"])


@EVERY_METHOD
async def test_a_payment_is_started_looked_at_and_paid(desk: Desk, code: str) -> None:
    method, ask = METHODS[code], an_ask()
    started = await method.start(ask)
    assert started.action_url is not None
    assert started.action_url.startswith(desk.config.public_url)
    waiting = await method.look(started.provider_ref)
    assert (waiting.state, waiting.payment_id) == ("PENDING", ask.payment_id)

    (await desk.approve(started.provider_ref)).raise_for_status()
    report = await method.look(started.provider_ref)
    assert replace(report, event_id="") == replace(
        waiting, event_id="", state="SUCCEEDED", amount_minor=10_500
    )
    assert report.event_id != waiting.event_id, "news, once"
    assert await method.look(started.provider_ref) == report
    assert (report.provider, report.currency, report.kind) == ("stripe", "CNY", "look")
    intent = await desk.client.v1.payment_intents.retrieve_async(started.provider_ref)
    assert (intent.description, intent.payment_method_types) == ("shop K1", [code.lower()])


@EVERY_METHOD
async def test_the_same_payment_asks_the_same_question_and_can_be_gone_on_with(
    desk: Desk, code: str
) -> None:
    method, ask = METHODS[code], an_ask()
    first, second = await method.start(ask), await method.start(ask)
    assert first == second
    assert await method.resume(ask, first.provider_ref) == first
    listed = await desk.client.v1.payment_intents.list_async()
    assert len(listed.data) == 1


async def test_the_card_page_gets_the_return_address_whole(desk: Desk) -> None:
    started = await METHODS["CARD"].start(an_ask())
    assert started.action_url == (
        f"{desk.config.public_url}/card/{started.provider_ref}"
        "?back=https%3A%2F%2Fshop.example%2Forders%2F1%3Fa%3Db%26c%3Dd"
    )


@EVERY_METHOD
async def test_a_canceled_payment_says_so_and_a_paid_one_stays_paid(desk: Desk, code: str) -> None:
    method, _, started = await paid(desk, code)
    await method.cancel(started.provider_ref)
    assert (await method.look(started.provider_ref)).state == "SUCCEEDED"
    given_up = await method.start(an_ask())
    for _ in range(2):
        await method.cancel(given_up.provider_ref)
    assert (await method.look(given_up.provider_ref)).state == "CANCELED"


async def test_a_refused_payment_is_still_open(desk: Desk) -> None:
    method, ask = METHODS["ALIPAY"], an_ask()
    started = await method.start(ask)
    (await desk.refuse(started.provider_ref)).raise_for_status()
    assert (await method.look(started.provider_ref)).state == "PENDING"


async def test_a_refund_is_made_once_by_its_own_id_and_never_of_more_than_was_paid(
    desk: Desk,
) -> None:
    method, _, started = await paid(desk)
    refund_id, other_id = uuid4(), uuid4()

    async def refund(refund_id: UUID, amount_minor: int) -> tuple[str, bool]:
        return await method.refund(
            refund_id=refund_id, provider_ref=started.provider_ref, amount_minor=amount_minor
        )

    async def found(refund_id: UUID) -> tuple[str, bool] | None:
        return await method.find_refund(refund_id=refund_id, provider_ref=started.provider_ref)

    assert await found(refund_id) is None
    made = await refund(refund_id, 4_000)
    assert made[1] is True
    assert await refund(refund_id, 4_000) == made
    assert await found(refund_id) == made
    assert await found(other_id) is None
    assert await method.look_refund(made[0]) is True
    with pytest.raises(ChannelRefused):
        await refund(other_id, 6_501)
    await refund(uuid4(), 6_500)
    listed = await desk.client.v1.refunds.list_async({"payment_intent": started.provider_ref})
    assert sorted(one.amount for one in listed.data) == [4_000, 6_500]


async def test_a_refund_that_our_balance_does_not_cover_is_asked_for_anew_with_another_key(
    desk: Desk,
) -> None:
    method, _, started = await paid(desk)
    refund_id = uuid4()

    async def refund(asks: int) -> tuple[str, bool]:
        return await method.refund(
            refund_id=refund_id, provider_ref=started.provider_ref, amount_minor=10_500, asks=asks
        )

    await desk.fault(short_for_refunds=True)
    with pytest.raises(ChannelShort):
        await refund(0)
    await desk.clear_faults()
    with pytest.raises(ChannelShort):
        await refund(0)  # the channel has kept its answer, whatever has come meanwhile
    made = await refund(1)
    assert made[1] is True
    assert await refund(1) == made
    listed = await desk.client.v1.refunds.list_async({"payment_intent": started.provider_ref})
    assert [one.amount for one in listed.data] == [10_500]


@pytest.mark.parametrize(("outcome", "done"), [("succeeded", True), ("failed", False)])
async def test_a_refund_that_takes_a_while_is_open_until_it_is_decided(
    desk: Desk, outcome: str, done: bool
) -> None:
    method, _, started = await paid(desk)
    await desk.fault(refund_pending={"outcome": outcome})
    refund_ref, at_once = await method.refund(
        refund_id=uuid4(), provider_ref=started.provider_ref, amount_minor=1
    )
    assert (at_once, await method.look_refund(refund_ref)) == (False, None)
    await desk.clear_faults()
    assert await method.look_refund(refund_ref) is done


@pytest.mark.parametrize(
    "fault",
    [
        {"error_5xx": {"status_code": 500}},
        {"error_5xx": {"status_code": 503, "after_work": True}},
        {"rate_limited": {}},
        {"slow": {"seconds": 1.5}},
    ],
    ids=["500", "answer lost", "429", "slow"],
)
async def test_a_channel_in_trouble_has_said_nothing_and_a_second_try_finds_the_first(
    desk: Desk, fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    method, ask = METHODS["ALIPAY"], an_ask()
    await leave()
    point_at(desk.config.public_url, monkeypatch, KAMENG_STRIPE_TIMEOUT_SECONDS="1")
    await desk.fault(**fault)
    with pytest.raises(ChannelUnavailable):
        await method.start(ask)
    with pytest.raises(ChannelUnavailable):
        await method.look("pi_unknown")
    await desk.clear_faults()
    await leave()
    point_at(desk.config.public_url, monkeypatch)
    started = await method.start(ask)
    assert (await method.look(started.provider_ref)).payment_id == ask.payment_id
    assert len((await desk.client.v1.payment_intents.list_async()).data) == 1


async def test_a_channel_that_is_not_there_has_said_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave()
    listening = listening_socket()
    address = url_of(listening)
    listening.close()
    point_at(address, monkeypatch)
    with pytest.raises(ChannelUnavailable):
        await METHODS["CARD"].start(an_ask())


async def test_what_the_channel_understands_and_refuses_is_refused(desk: Desk) -> None:
    method = METHODS["ALIPAY"]
    with pytest.raises(ChannelRefused):
        await method.start(replace(an_ask(), amount_minor=0))
    with pytest.raises(ChannelRefused):
        await method.start(replace(an_ask(), currency="XXX"))
    with pytest.raises(ChannelRefused):
        await method.look("pi_unknown")


async def test_a_wrong_key_of_ours_is_no_refusal_of_the_buyer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave()
    point_at(desk.config.public_url, monkeypatch, KAMENG_STRIPE_API_KEY="sk_test_anotherkey123")
    with pytest.raises(ChannelUnavailable):
        await METHODS["CARD"].start(an_ask())


async def test_an_answer_of_the_other_mode_is_refused_like_a_forged_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, started = await paid(desk)
    monkeypatch.setattr(stripe_api, "require_mode", _as_if_live)
    with pytest.raises(ChannelRefused):
        await METHODS["ALIPAY"].look(started.provider_ref)
    with pytest.raises(ChannelRefused):
        await METHODS["ALIPAY"].start(an_ask())


def _as_if_live(livemode: bool) -> None:
    if not livemode:
        raise ForgedEvent("an event of the other mode")


async def test_the_sandboxs_own_webhooks_read_as_what_they_say(desk: Desk, shop: Shop) -> None:
    _, ask, started = await paid(desk, "WECHAT_PAY")
    succeeded = "payment_intent.succeeded"
    await eventually(lambda: succeeded in shop.types(about=started.provider_ref))
    reports = [read_webhook(body, signature) for body, signature in shop.heard]
    told = [report for report in reports if isinstance(report, ChannelReport)]
    assert {report.state for report in told} == {"PENDING", "SUCCEEDED"}
    assert {(report.provider_ref, report.payment_id) for report in told} == {
        (started.provider_ref, ask.payment_id)
    }
    (paid_report,) = [report for report in told if report.state == "SUCCEEDED"]
    assert (paid_report.amount_minor, paid_report.currency) == (10_500, "CNY")
    # Events about charges say nothing that the intent's own do not say.
    assert len(told) < len(reports)


async def test_a_webhook_with_anything_changed_is_not_read(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, started = await paid(desk)
    await eventually(lambda: "payment_intent.succeeded" in shop.types(about=started.provider_ref))
    body, signature = next(
        (body, signature)
        for body, signature in shop.heard
        if json.loads(body)["type"] == "payment_intent.succeeded"
    )
    assert read_webhook(body, signature) is not None
    for forged_body, forged_signature in (
        (body.replace(b"10500", b"10501"), signature),
        (body + b" ", signature),
        (body, ""),
        (body, signature.replace("t=", "t=1")),
        (b"\xff\xfe", signature),
    ):
        with pytest.raises(ForgedEvent):
            read_webhook(forged_body, forged_signature)
    for name, value in (
        ("KAMENG_STRIPE_WEBHOOK_SECRET", "whsec_of_somebody_else"),
        ("KAMENG_STRIPE_WEBHOOK_SECRET", ""),
        ("KAMENG_STRIPE_ACCOUNT", "acct_connected"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            settings.cache_clear()
            with pytest.raises(ForgedEvent):
                read_webhook(body, signature)
    settings.cache_clear()
    monkeypatch.setattr(stripe_api, "require_mode", _as_if_live)
    with pytest.raises(ForgedEvent):
        read_webhook(body, signature)


def test_the_dearest_fee_is_of_the_channels_that_a_shop_takes() -> None:
    fees = {code: method.fee_bp for code, method in METHODS.items()}
    assert dearest_fee_bp(["WALLET"]) == 0
    assert dearest_fee_bp([]) == 0
    assert dearest_fee_bp(["WALLET", *fees]) == max(fees.values()) > 0


def test_every_method_is_listed_under_its_own_code_with_its_names() -> None:
    for code, method in METHODS.items():
        assert (method.code, method.provider) == (
            code,
            "bank" if code == "BANK_TRANSFER" else "stripe",
        )
        assert method.label_zh and method.label_en
