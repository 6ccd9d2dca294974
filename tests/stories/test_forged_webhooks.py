"""What somebody else says in the payment channel's name: none of it is accepted, none is a 5xx."""

from typing import Any

import httpx
import orjson
import pytest
from pydantic import ValidationError

from entrypoints.asgi import create_app
from kernel.settings import Settings
from stories.channel import WEBHOOK, Asked, Channel, asked_for, event, everything_written, signed
from stories.surroundings import settings_for
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="module")]


def _forged_signatures(body: bytes) -> dict[str, str | bytes | None]:
    genuine = signed(body)
    timestamp, _, mac = genuine.partition(",v1=")
    return {
        "none": None,
        "empty": "",
        "blank": "  ",
        "no parts": "nonsense",
        "no values": "t=,v1=",
        "no timestamp": f"v1={mac}",
        "no mac": timestamp,
        "a word for a timestamp": f"t=now,v1={mac}",
        "another timestamp": f"t=1,v1={mac}",
        "an old scheme": f"{timestamp},v0={mac}",
        "half a mac": f"{timestamp},v1={mac[:32]}",
        "upper case": f"{timestamp},v1={mac.upper()}",
        "many macs": ",".join([timestamp, *["v1=00"] * 500]),
        "not ASCII": b"t=1,v1=\xff\xfe\xe5\x8d\xa1",
        "of another body": signed(body + b" "),
        "of another secret": signed(body, secret="whsec_of_somebody_else"),
        "of an empty secret": signed(body, secret=""),
        "301 seconds old": signed(body, age_seconds=301),
        "a year old": signed(body, age_seconds=365 * 86_400),
    }


async def test_no_forged_or_old_signature_is_accepted(channel: Channel, planted: World) -> None:
    asked = await asked_for(planted)
    body = orjson.dumps(event(asked, "payment_intent.succeeded"))
    before = await everything_written(planted.owner)
    answers = {
        name: await channel.send(body, signature)
        for name, signature in _forged_signatures(body).items()
    }
    assert answers == dict.fromkeys(answers, 400)
    assert await everything_written(planted.owner) == before
    assert await channel.send(body, signed(body, age_seconds=290)) == 200
    assert await everything_written(planted.owner) != before


def _foreign_events(asked: Asked) -> dict[str, Any]:
    """Bodies that are signed with the genuine secret and are still not events for us."""
    genuine = event(asked, "payment_intent.succeeded")

    def intent(**change: Any) -> dict[str, Any]:
        return event(asked, "payment_intent.succeeded", **change)

    return {
        "another account": {**genuine, "account": "acct_of_somebody_else"},
        "live mode": {**genuine, "livemode": True},
        "no mode": {name: value for name, value in genuine.items() if name != "livemode"},
        "null": None,
        "a number": 5,
        "a list": [],
        "a list of events": [genuine],
        "a text": "payment_intent.succeeded",
        "true": True,
        "nothing": {},
        "another object": {**genuine, "object": "charge"},
        "no type": {**genuine, "type": None},
        "a number for a type": {**genuine, "type": 5},
        "no id": {**genuine, "id": None},
        "no data": {**genuine, "data": None},
        "data without an object": {**genuine, "data": {}},
        "a list for an object": {**genuine, "data": {"object": []}},
        "a charge for an intent": intent(object="charge"),
        "no intent's id": intent(id=None),
        "a list for an intent's id": intent(id=[]),
        "no amount": intent(amount_received=None),
        "a text for an amount": intent(amount_received="11000 yuan"),
        "a fraction": intent(amount_received=11_000.5),
        "no money": intent(amount_received=0),
        "more money than there is": intent(amount_received=2**63),
        "a negative amount": intent(amount_received=-11_000),
        "no currency": intent(currency=None),
        "a long currency": intent(currency="yuan"),
        "U+0000 in an id": intent(id="pi_\x00"),
        "U+0000 in the event's id": {**genuine, "id": "evt_\x00"},
    }


async def test_no_event_of_another_account_or_mode_or_shape_is_accepted(
    channel: Channel, planted: World
) -> None:
    asked = await asked_for(planted)
    before = await everything_written(planted.owner)
    answers = {name: await channel.say(said) for name, said in _foreign_events(asked).items()}
    assert answers == dict.fromkeys(answers, 400)
    assert await everything_written(planted.owner) == before


_GENUINE = b'{"id":"evt_1","object":"event","livemode":false,"type":"payment_intent.succeeded"'
_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "not JSON": (b"event=payment_intent.succeeded", 400),
    "half of it": (_GENUINE, 400),
    "invalid UTF-8": (_GENUINE + b',"data":"\xff\xfe\xc3\x28"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf" + _GENUINE + b"}", 400),
    "deep lists": (b"[" * 20_000 + b"]" * 20_000, 400),
    "deep objects": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 400),
    "a number of a thousand digits": (
        _GENUINE + b',"data":{"object":{"id":"pi_1","object":"payment_intent","currency":"cny",'
        b'"amount_received":' + b"9" * 1_000 + b"}}}",
        400,
    ),
    "NaN": (_GENUINE + b',"data":{"object":{"amount_received":NaN}}}', 400),
    "600 KB": (b'{"a":"' + b"x" * 600_000 + b'"}', 413),
}


async def test_no_strange_body_is_accepted_though_it_is_signed(
    channel: Channel, planted: World
) -> None:
    before = await everything_written(planted.owner)
    answers = {name: await channel.send(body, signed(body)) for name, (body, _) in _BODIES.items()}
    assert answers == {name: status for name, (_, status) in _BODIES.items()}
    assert await everything_written(planted.owner) == before


async def test_a_live_account_takes_no_test_event(
    here: Settings, channel: Channel, planted: World
) -> None:
    asked = await asked_for(planted)
    before = await everything_written(planted.owner)
    paid = event(asked, "payment_intent.succeeded")
    with settings_for(
        here.database_url,
        KAMENG_STRIPE_API_KEY="sk_live_of_the_test",
        KAMENG_ENVIRONMENT="production",
        KAMENG_OUTWARD_LOOPBACK="false",
    ):
        assert await channel.say(paid) == 400
    with settings_for(here.database_url, KAMENG_STRIPE_ACCOUNT="acct_ours"):
        assert await channel.say(paid) == 400
        assert await channel.say({**paid, "account": "acct_theirs"}) == 400
    with settings_for(here.database_url, KAMENG_STRIPE_WEBHOOK_SECRET=""):
        body = orjson.dumps(paid)
        assert await channel.send(body, signed(body, secret="")) == 400
    assert await everything_written(planted.owner) == before


async def test_the_webhook_is_posted_to_and_nothing_else(here: Settings) -> None:
    transport = httpx.ASGITransport(create_app(here))
    async with httpx.AsyncClient(transport=transport, base_url="http://pay.localhost") as http:
        for verb in ("GET", "PUT", "PATCH", "DELETE"):
            assert (await http.request(verb, WEBHOOK)).status_code == 405


@pytest.mark.parametrize(
    "of_a_merchant",
    [
        {"KAMENG_STRIPE_API_KEY": "sk_live_0123456789"},
        {"KAMENG_STRIPE_API_KEY": "rk_live_0123456789"},
        {"KAMENG_ENVIRONMENT": "production"},
    ],
    ids=["a live key", "a restricted live key", "production"],
)
async def test_no_process_boots_that_would_verify_with_an_empty_secret(
    here: Settings, of_a_merchant: dict[str, str]
) -> None:
    with (
        pytest.raises(ValidationError, match="KAMENG_STRIPE_WEBHOOK_SECRET"),
        settings_for(here.database_url, **of_a_merchant, KAMENG_STRIPE_WEBHOOK_SECRET=""),
    ):
        pytest.fail("it must not get here")


async def test_no_process_boots_with_a_live_key_outside_production(here: Settings) -> None:
    with (
        pytest.raises(ValidationError, match="KAMENG_ENVIRONMENT=production"),
        settings_for(here.database_url, KAMENG_STRIPE_API_KEY="sk_live_0123456789"),
    ):
        pytest.fail("it must not get here")
