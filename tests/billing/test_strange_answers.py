"""Answers of the channel that are none: nothing is known then, and one asks again."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from billing.payment_methods import METHODS
from billing.payment_methods.base import ChannelUnavailable
from billing.payment_methods.stripe_wire import StripeWire
from channel_at_sandbox import an_ask, paid
from sandbox_desk import Desk

Spoil = Callable[[dict[str, object]], object]


def without(name: str) -> Spoil:
    def spoil(answer: dict[str, object]) -> object:
        return {key: value for key, value in answer.items() if key != name}

    return spoil


def spoil_answers(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    """Whatever the channel answers comes otherwise."""
    genuine = StripeWire.request_async

    async def spoiled(self: StripeWire, *asked: Any) -> tuple[bytes, int, Mapping[str, str]]:
        body, status_code, headers = await genuine(self, *asked)
        return json.dumps(spoil(json.loads(body))).encode(), status_code, headers

    monkeypatch.setattr(StripeWire, "request_async", spoiled)


NO_OBJECT: list[Spoil] = [lambda _: [], lambda _: None, lambda _: "ok", lambda _: {}]


@pytest.mark.parametrize(
    "spoil",
    [
        *NO_OBJECT,
        *map(without, ("livemode", "next_action", "client_secret", "id", "status")),
        lambda answer: {**answer, "next_action": "redirect"},
        lambda answer: {**answer, "livemode": None, "id": 5},
    ],
)
async def test_an_answer_that_says_no_payment_says_nothing_and_a_second_try_finds_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    method, ask = METHODS["ALIPAY"], an_ask()
    with monkeypatch.context() as patch:
        spoil_answers(patch, spoil)
        with pytest.raises(ChannelUnavailable):
            await method.start(ask)
    started = await method.start(ask)
    assert (await method.look(started.provider_ref)).payment_id == ask.payment_id


@pytest.mark.parametrize(
    "spoil",
    [*NO_OBJECT, *map(without, ("livemode", "id", "status", "amount", "currency", "object"))],
)
async def test_a_look_at_what_is_no_payment_has_seen_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    method = METHODS["ALIPAY"]
    started = await method.start(an_ask())
    spoil_answers(monkeypatch, spoil)
    with pytest.raises(ChannelUnavailable):
        await method.look(started.provider_ref)


@pytest.mark.parametrize("spoil", [*NO_OBJECT, without("id"), without("status")])
async def test_an_answer_that_says_no_refund_says_nothing_and_the_refund_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    method, _, started = await paid(desk)
    refund_id = uuid4()

    async def found() -> tuple[str, bool] | None:
        return await method.find_refund(refund_id=refund_id, provider_ref=started.provider_ref)

    with monkeypatch.context() as patch:
        spoil_answers(patch, spoil)
        with pytest.raises(ChannelUnavailable):
            await method.refund(
                refund_id=refund_id, provider_ref=started.provider_ref, amount_minor=1
            )
    made = await found()
    assert made is not None
    spoil_answers(monkeypatch, lambda answer: {"id": answer.get("id")})
    with pytest.raises(ChannelUnavailable):
        await found()
    with pytest.raises(ChannelUnavailable):
        await method.look_refund(made[0])
