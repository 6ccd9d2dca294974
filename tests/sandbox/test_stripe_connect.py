"""Connected accounts and transfers: onboarded first, bounded by the balance, and back again."""

from typing import Any

import httpx
import pytest
import stripe

from sandbox_desk import Desk, Shop, eventually

Refused = stripe.InvalidRequestError


async def account(desk: Desk, **wish: Any) -> stripe.Account:
    """An account that nobody has been onboarded for."""
    asked: Any = {"type": "express", "capabilities": {"transfers": {"requested": True}}, **wish}
    return await desk.client.v1.accounts.create_async(asked)


async def top_up(desk: Desk, amount: int) -> None:
    wish = {"amount": amount, "currency": "cny"}
    (await desk.http.post("/_sandbox/topups", json=wish)).raise_for_status()


async def transfer(desk: Desk, destination: str, amount: int, **more: Any) -> stripe.Transfer:
    asked: Any = {"amount": amount, "currency": "cny", "destination": destination, **more}
    return await desk.client.v1.transfers.create_async(asked)


async def test_an_account_is_onboarded_on_the_providers_page_and_says_so(
    desk: Desk, shop: Shop
) -> None:
    made: Any = await account(desk, metadata={"method_id": "7"})
    assert (made.payouts_enabled, made.requirements.disabled_reason) == (
        False, "requirements.past_due",
    )  # fmt: skip
    link: Any = await desk.client.v1.account_links.create_async(
        {
            "account": made.id,
            "type": "account_onboarding",
            "return_url": "https://shop.example/back",
            "refresh_url": "https://shop.example/again",
        }
    )
    async with httpx.AsyncClient() as browser:
        assert "<form" in (await browser.get(link.url)).text
        back = await browser.post(link.url)
        assert (back.status_code, back.headers["location"]) == (303, "https://shop.example/back")
        assert (await browser.post(link.url)).status_code == 404, "a link is good once"

    ready: Any = await desk.client.v1.accounts.retrieve_async(made.id)
    assert (ready.payouts_enabled, ready.capabilities.transfers) == (True, "active")
    assert ready.requirements.currently_due == []
    await eventually(lambda: "account.updated" in shop.types(about=made.id))
    (told,) = [event for event in shop.events if event["type"] == "account.updated"]
    assert told["account"] == made.id


async def test_a_transfer_is_bounded_by_the_balance_found_by_its_group_and_taken_back(
    desk: Desk, shop: Shop
) -> None:
    made = await account(desk)
    with pytest.raises(Refused) as refused:
        await transfer(desk, made.id, 100)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    (await desk.http.post(f"/_sandbox/accounts/{made.id}/onboard", json={})).raise_for_status()
    await top_up(desk, 500)
    with pytest.raises(Refused) as refused:
        await transfer(desk, made.id, 501)
    assert refused.value.code == "balance_insufficient"

    sent = await transfer(desk, made.id, 300, transfer_group="payout 1")
    found: Any = await desk.client.v1.transfers.list_async({"transfer_group": "payout 1"})
    none: Any = await desk.client.v1.transfers.list_async({"transfer_group": "payout 2"})
    assert ([one.id for one in found.data], none.data) == ([sent.id], [])
    with pytest.raises(Refused):
        await transfer(desk, made.id, 201)

    for amount in (100, 200):
        await desk.client.v1.transfers.reversals.create_async(sent.id, {"amount": amount})
    with pytest.raises(Refused):
        await desk.client.v1.transfers.reversals.create_async(sent.id, {"amount": 1})
    back = await desk.client.v1.transfers.retrieve_async(sent.id)
    assert (back.amount_reversed, back.reversed) == (300, True)
    balance: Any = await desk.client.v1.balance.retrieve_async()
    assert balance.available[0].amount == 500
    await eventually(
        lambda: (
            shop.types(about=sent.id)
            == ["transfer.created", "transfer.reversed", "transfer.reversed"]
        )
    )


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/v1/accounts", {"type": "express", "nickname": "x"}),
        ("/v1/accounts", {}),
        ("/v1/accounts", {"type": "pirate"}),
        ("/v1/account_links", {"account": "acct_1", "type": "account_onboarding"}),
        ("/v1/transfers", {"amount": "0", "currency": "cny", "destination": "acct_1"}),
        ("/v1/transfers", {"amount": "1", "currency": "cny", "destination": "acct_nobodys"}),
        ("/v1/transfers", {"amount": "1", "destination": "acct_1"}),
        ("/v1/transfers", {"amount": "1", "currency": "cny", "destination": "a", "fee": "1"}),
    ],
)
async def test_what_the_real_one_would_refuse_is_refused(
    desk: Desk, path: str, wish: dict[str, str]
) -> None:
    answer = await desk.http.post(path, data=wish)

    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["type"] == "invalid_request_error"
