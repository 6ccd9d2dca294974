"""The hosted page: what the buyer sees, decides, and where the browser goes then."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from sandbox_desk import Desk


def landed(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where a redirect leads: the address without its query, and the query."""
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))


async def decide(desk: Desk, intent_id: str, decision: str, **form: Any) -> httpx.Response:
    """Press a button of the page."""
    async with httpx.AsyncClient(base_url=desk.config.public_url) as browser:
        return await browser.post(f"/approve/{intent_id}", data={"decision": decision, **form})


async def test_the_page_speaks_both_languages_and_escapes_what_the_shop_says(desk: Desk) -> None:
    intent = await desk.waiting(description="<script>alert('卡')</script>", amount=123_456)
    async with httpx.AsyncClient(base_url=desk.config.public_url) as browser:
        page = await browser.get(f"/approve/{intent.id}")
    assert page.status_code == 200
    assert "1,234.56 CNY" in page.text
    assert "同意付款" in page.text
    assert "Approve" in page.text
    assert "支付宝" in page.text
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("decision", "redirect_status", "status"),
    [
        ("approve", "succeeded", "succeeded"),
        ("refuse", "failed", "requires_payment_method"),
    ],
)
async def test_the_decision_leads_back_to_the_shop(
    desk: Desk, decision: str, redirect_status: str, status: str
) -> None:
    intent = await desk.waiting("alipay")

    place, query = landed(await decide(desk, intent.id, decision))

    assert place == "https://shop.example/return"
    assert query == {
        "order": "7",
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": redirect_status,
    }
    assert (await desk.client.v1.payment_intents.retrieve_async(intent.id)).status == status


async def test_a_second_press_changes_nothing_and_leads_to_the_same_place(desk: Desk) -> None:
    intent = await desk.waiting("wechat_pay")
    first = landed(await decide(desk, intent.id, "approve"))
    second = landed(await decide(desk, intent.id, "refuse"))
    assert second == first
    assert len((await desk.client.v1.charges.list_async()).data) == 1
    page = await desk.http.get(f"/approve/{intent.id}")
    assert "付款成功" in page.text


async def test_an_unconfirmed_card_intent_is_paid_on_the_page(desk: Desk) -> None:
    intent = await desk.client.v1.payment_intents.create_async(
        {"amount": 500, "currency": "cny", "allowed_payment_method_types": ["card"]}
    )
    place, query = landed(
        await decide(
            desk,
            intent.id,
            "approve",
            client_secret=intent.client_secret,
            return_url="https://shop.example/thanks",
        )
    )
    assert (place, query["redirect_status"]) == ("https://shop.example/thanks", "succeeded")
    paid = await desk.client.v1.payment_intents.retrieve_async(intent.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 500)


async def test_a_refused_card_on_the_page_is_a_declined_attempt(desk: Desk) -> None:
    intent = await desk.client.v1.payment_intents.create_async(
        {"amount": 500, "currency": "cny", "allowed_payment_method_types": ["card"]}
    )
    page = await decide(desk, intent.id, "refuse")
    assert page.status_code == 200
    assert "上次付款未成功" in page.text
    failed = await desk.client.v1.payment_intents.retrieve_async(intent.id)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "card_declined"


async def test_the_buyer_picks_a_method_where_the_shop_has_not(desk: Desk) -> None:
    intent = await desk.client.v1.payment_intents.create_async({"amount": 500, "currency": "cny"})
    assert (await desk.http.get(f"/approve/{intent.id}")).text.count('type="radio"') == 3
    await decide(desk, intent.id, "approve", payment_method_type="wechat_pay")
    charge = (await desk.client.v1.charges.list_async({"payment_intent": intent.id})).data[0]
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.type == "wechat_pay"


@pytest.mark.parametrize("secret", ["", "pi_wrong_secret_x"])
async def test_without_the_client_secret_the_page_sends_nobody_elsewhere(
    desk: Desk, secret: str
) -> None:
    intent = await desk.waiting("alipay")
    place, _ = landed(
        await decide(
            desk,
            intent.id,
            "approve",
            client_secret=secret,
            return_url="https://elsewhere.example/",
        )
    )
    assert place == "https://shop.example/return"


async def test_a_page_of_no_payment_is_not_found(desk: Desk) -> None:
    page = await desk.http.get("/approve/pi_nobody")
    assert page.status_code == 404
    assert "找不到这笔付款" in page.text
    assert (await decide(desk, "pi_nobody", "approve")).status_code == 404


async def test_the_server_says_that_it_is_well(desk: Desk) -> None:
    assert (await desk.http.get("/healthz")).json() == {"status": "ok"}
