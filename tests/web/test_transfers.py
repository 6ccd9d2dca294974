"""Money that comes by itself: a bank transfer whose words stand on the page, and a voucher."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from entrypoints.verify import verify
from kernel.clear_codes import in_groups
from kernel.settings import Settings
from processes import Platform
from web_visitor import Page, Visitor
from world import Person, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

Visitors = Callable[..., Visitor]
PUT = """mutation ($method: PaymentMethodCode!, $isTaken: Boolean!) {
  paymentMethodSet(input: {method: $method, isTaken: $isTaken}) {
    ... on PaymentMethodsChanged { methods } ... on Problem { code field } } }"""

MAKE = """mutation ($startsAt: DateTime!, $endsAt: DateTime!, $key: ID!) {
  voucherBatchCreate(input: {name: "gift", count: 1, startsAt: $startsAt, endsAt: $endsAt,
      value: {amountMinor: 1234, currency: "CNY"}, idempotencyKey: $key}) {
    ... on VoucherBatchCreated { content } ... on Problem { code field message } } }"""


@pytest.fixture(autouse=True)
async def sound_books(config: Settings) -> Any:
    """Whatever a visitor did, the books are right afterwards."""
    yield
    assert await verify(config.database_url) == []


async def say(
    platform: Platform, world: World, who: Person, query: str, **variables: Any
) -> dict[str, Any]:
    """Let somebody ask for one mutation."""
    answer = await platform.http.post(
        f"{platform.api_url}/graphql",
        json={"query": query, "variables": variables},
        headers={"host": world.shop.host, "authorization": f"Bearer {who.token}"},
    )
    (said,) = (answer.json()["data"] or {"": answer.json()["errors"][0]["extensions"]}).values()
    return dict(said)


async def put(
    platform: Platform, world: World, who: Person, method: str, *, is_taken: bool
) -> dict[str, Any]:
    """Let somebody say what the shop takes."""
    return await say(platform, world, who, PUT, method=method, isTaken=is_taken)


def at(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def offers(page: Page, method: str) -> bool:
    return f'value="{method}"' in page.source


async def test_a_shop_takes_transfers_and_the_order_says_where_to_until_the_money_is_there(
    visitors: Visitors, platform: Platform, world: World
) -> None:
    finance, support = await world.staff("FINANCE"), await world.staff("SUPPORT")
    buyer = await world.customer()
    visitor = visitors()
    visitor.come_in(buyer)
    await world.keys(1, await world.more_goods("by-transfer"))
    assert not offers(await visitor.get("/p/by-transfer"), "BANK_TRANSFER")

    taken = await put(platform, world, finance, "BANK_TRANSFER", is_taken=True)
    assert taken["methods"][-1] == "BANK_TRANSFER"
    assert await put(platform, world, finance, "BANK_TRANSFER", is_taken=True) == taken
    refused = await put(platform, world, support, "BANK_TRANSFER", is_taken=False)
    assert refused["code"] == "FORBIDDEN"
    assert offers(await visitor.get("/p/by-transfer"), "BANK_TRANSFER")
    assert not offers(await visitors().get("/p/by-transfer"), "BANK_TRANSFER"), "guests sign in"

    bought = await visitor.buy("by-transfer", "BANK_TRANSFER")
    order = await visitor.get(bought.to)
    reference = await world.owner.fetchval(
        "select provider_ref from payments where method = 'BANK_TRANSFER' and customer_id = $1",
        buyer.id,
    )
    for text in ("Kameng", "Bank of Demo", "6222 0001", "CN¥110.00", in_groups(reference)):
        assert text in order.text
    chinese = await visitors(language="zh").get(f"{bought.to}")
    assert chinese.status == 404, "nobody else is told"
    visitor.browser.headers["accept-language"] = "zh"
    assert "附言（必填）" in (await visitor.get(bought.to)).text

    # The buyer has thought better of it: another way to pay takes the transfer's place.
    assert "BANK_TRANSFER" not in order.form("/pay").choices["method"]
    alipay = await visitor.submit(order, "/pay", method="ALIPAY")
    paid = await visitor.settle(alipay.to)
    assert in_groups(reference) not in paid.text

    operator = await world.operator()
    left = await put(platform, world, operator, "BANK_TRANSFER", is_taken=False)
    assert "BANK_TRANSFER" not in left["methods"]
    last = left["methods"][0]
    for method in left["methods"][1:]:
        await put(platform, world, operator, method, is_taken=False)
    assert (await put(platform, world, operator, last, is_taken=False))["field"] == "isTaken"
    for method in left["methods"][1:]:
        await put(platform, world, operator, method, is_taken=True)


async def test_a_voucher_is_redeemed_on_the_account_page(
    visitor: Visitor, platform: Platform, world: World
) -> None:
    visitor.come_in(await world.customer())
    batch = await say(
        platform,
        world,
        await world.operator(),
        MAKE,
        startsAt=at(-1),
        endsAt=at(30),
        key=str(uuid4()),
    )
    code = batch["content"].split()[0]
    account = await visitor.get("/account")
    wrong = await visitor.submit(account, "/account/redeem", code="NOT-A-CODE")
    assert wrong.form("/account/redeem").fields["code"] == "NOT-A-CODE"
    assert "CN¥0.00" in wrong.text
    redeemed = await visitor.submit(account, "/account/redeem", code=code.lower())
    assert "Redeemed: CN¥12.34 is in your wallet." in redeemed.text
    again = await visitor.submit(account, "/account/redeem", code=code)
    assert "CN¥12.34" in again.text
    assert "CN¥24.68" not in again.text
