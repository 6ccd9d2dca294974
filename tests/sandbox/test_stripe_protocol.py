"""Keys, parameters, errors and idempotency: the wire protocol itself."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
import stripe

from sandbox.stripe.config import API_VERSION, SandboxConfig
from sandbox_desk import API_KEY, WEBHOOK_SECRET, Desk, desk_of


async def test_a_wrong_key_is_refused_and_not_repeated_in_full(config: SandboxConfig) -> None:
    async with desk_of(replace(config, api_key="sk_test_somebody_else")) as stranger:
        with pytest.raises(stripe.AuthenticationError) as refused:
            await stranger.client.v1.payment_intents.list_async()
    assert refused.value.http_status == 401
    assert "sk_test_somebody_else" not in str(refused.value)


@pytest.mark.parametrize(
    "path", ["/v1/payment_intents", "/_sandbox/faults", "/_sandbox/deliveries", "/v1/balance"]
)
async def test_without_a_key_nothing_is_told(config: SandboxConfig, path: str) -> None:
    async with httpx.AsyncClient(base_url=config.public_url) as nobody:
        answer = await nobody.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_the_key_may_come_as_basic_credentials(config: SandboxConfig) -> None:
    async with httpx.AsyncClient(base_url=config.public_url, auth=(API_KEY, "")) as client:
        answer = await client.get("/v1/payment_intents")
    assert (answer.status_code, answer.json()["data"]) == (200, [])


async def test_every_answer_names_its_request_and_echoes_the_version(desk: Desk) -> None:
    answer = await desk.http.get("/v1/events")
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == API_VERSION
    older = await desk.http.get("/v1/events", headers={"Stripe-Version": "2024-06-20"})
    assert older.headers["stripe-version"] == "2024-06-20"


async def test_another_account_is_out_of_reach(desk: Desk) -> None:
    with pytest.raises(stripe.PermissionError):
        await desk.client.v1.payment_intents.list_async(options={"stripe_account": "acct_somebody"})


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        (
            {"automatic_payment_methods": {"enabled": True, "colour": "red"}},
            "parameter_unknown",
            "automatic_payment_methods[colour]",
        ),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        (
            {"payment_method_data": {"card": {"token": "tok_visa"}}, "payment_method": None},
            "parameter_missing",
            "payment_method_data[type]",
        ),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"amount": 10**8}, "amount_too_large", "amount"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"capture_method": "later"}, None, "capture_method"),
        (
            {"allowed_payment_method_types": ["cheque"]},
            "payment_intent_invalid_parameter",
            "allowed_payment_method_types",
        ),
        (
            {"payment_method_types": ["card"], "allowed_payment_method_types": None},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            {"automatic_payment_methods": {"enabled": True}},
            None,
            "automatic_payment_methods",
        ),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"return_url": "javascript:alert(1)"}, "url_invalid", "return_url"),
        ({"confirm": False, "return_url": "https://shop.example"}, None, "return_url"),
        (
            {"allowed_payment_method_types": ["alipay"]},
            "payment_intent_incompatible_payment_method",
            "payment_method",
        ),
        ({"expand": ["colour"]}, None, "expand"),
    ],
)
async def test_a_request_that_is_not_right_is_refused_and_writes_nothing(
    desk: Desk, change: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await desk.paid(**change)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert (await desk.client.v1.payment_intents.list_async()).data == []
    assert (await desk.client.v1.events.list_async()).data == []


async def test_an_older_version_still_names_its_types(desk: Desk) -> None:
    answer = await desk.http.post(
        "/v1/payment_intents",
        data={"amount": "500", "currency": "cny", "payment_method_types[]": "card"},
        headers={"Stripe-Version": "2024-06-20"},
    )
    assert (answer.status_code, answer.json()["payment_method_types"]) == (200, ["card"])
    unknown = await desk.http.post(
        "/v1/payment_intents",
        data={"amount": "500", "currency": "cny", "payment_method_types[]": "cheque"},
        headers={"Stripe-Version": "2024-06-20"},
    )
    assert unknown.json()["error"]["code"] == "payment_intent_invalid_parameter"


async def test_wallets_ask_for_what_they_need(desk: Desk) -> None:
    intents = desk.client.v1.payment_intents
    common: dict[str, Any] = {"amount": 500, "currency": "cny", "confirm": True}
    needs = {
        "alipay": "return_url",
        "wechat_pay": "payment_method_options[wechat_pay][client]",
    }
    for wallet, param in needs.items():
        params: Any = {
            **common,
            "allowed_payment_method_types": [wallet],
            "payment_method_data": {"type": wallet},
        }
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await intents.create_async(params)
        assert (refused.value.code, refused.value.param) == ("parameter_missing", param)


async def test_an_unknown_id_and_an_unknown_address_are_not_found(desk: Desk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await desk.client.v1.payment_intents.retrieve_async("pi_nobody")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    address = await desk.http.get("/v1/colours")
    assert (address.status_code, address.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    "body", [b"a[b=1", b"[a]=1", b"amount=1&amount[x]=2", b"x=%ff", b"a" + b"[b]" * 20 + b"=1"]
)
async def test_a_malformed_form_is_a_bad_request(desk: Desk, body: bytes) -> None:
    answer = await desk.http.post("/v1/payment_intents", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_body_over_the_limit_is_refused(desk: Desk) -> None:
    answer = await desk.http.post("/v1/payment_intents", content=b"a=" + b"x" * 1_100_000)
    assert answer.status_code == 400


async def test_the_same_key_replays_the_first_answer(desk: Desk) -> None:
    create = desk.client.v1.payment_intents.create_async
    params: Any = {"amount": 500, "currency": "cny", "metadata": {"order": "7"}}
    first = await create(params, {"idempotency_key": "attempt-1"})
    again = await create(params, {"idempotency_key": "attempt-1"})

    assert again.id == first.id
    assert first.last_response is not None
    assert again.last_response is not None
    first_headers, again_headers = first.last_response.headers, again.last_response.headers
    assert first_headers is not None
    assert again_headers is not None
    assert "idempotent-replayed" not in first_headers
    assert again_headers["idempotent-replayed"] == "true"
    assert again_headers["original-request"] == first_headers["request-id"]
    assert len((await desk.client.v1.payment_intents.list_async()).data) == 1


async def test_a_key_remembers_a_decline_but_no_wrong_parameter(desk: Desk) -> None:
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await desk.paid(
                payment_method="pm_card_chargeDeclined", idempotency_key="attempt-declined"
            )
    assert len((await desk.client.v1.charges.list_async()).data) == 1

    with pytest.raises(stripe.InvalidRequestError):
        await desk.paid(currency="xyz", idempotency_key="attempt-corrected")
    assert (await desk.paid(idempotency_key="attempt-corrected")).status == "succeeded"


async def test_the_same_key_with_other_parameters_is_refused(desk: Desk) -> None:
    await desk.paid(idempotency_key="attempt-1")
    with pytest.raises(stripe.IdempotencyError) as refused:
        await desk.paid(amount=2_000, idempotency_key="attempt-1")
    assert refused.value.http_status == 400
    assert len((await desk.client.v1.payment_intents.list_async()).data) == 1


async def test_a_key_still_under_way_is_a_conflict(desk: Desk) -> None:
    refused: list[stripe.APIError] = []
    tries = iter(range(20))
    while not refused:  # for the second may come when the first has been answered
        await desk.fault(slow={"seconds": 0.5, "requests": 1})
        key = f"attempt-{next(tries)}"
        answers = await asyncio.gather(
            *(desk.paid(idempotency_key=key) for _ in range(2)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, stripe.APIError)]
    (conflict,) = refused
    assert conflict.http_status == 409
    assert conflict.error is not None
    assert conflict.error.code == "idempotency_key_in_use"
    (paid,) = (answer for answer in answers if isinstance(answer, stripe.PaymentIntent))
    assert paid.status == "succeeded"


@pytest.mark.parametrize(
    ("api_key", "webhook_secret"), [("sk_live_x", WEBHOOK_SECRET), (API_KEY, "secret")]
)
def test_live_keys_and_foreign_secrets_are_not_taken(api_key: str, webhook_secret: str) -> None:
    with pytest.raises(ValueError, match=r"sk_test_|whsec_"):
        SandboxConfig(api_key=api_key, webhook_secret=webhook_secret, public_url="http://127.0.0.1")
