"""Buying through the pages: forms, the channel's page, the keys."""

import csv
import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from entrypoints.verify import verify
from kernel.settings import Settings
from processes import Platform
from web_visitor import Page, Visitor
from world import Goods, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

Visitors = Callable[..., Visitor]


@pytest.fixture(autouse=True)
async def sound_books(config: Settings) -> Any:
    """Whatever a visitor did, the books are right afterwards."""
    yield
    assert await verify(config.database_url) == []


async def goods_with(world: World, slug: str, *secrets: str, keys: int = 0) -> Goods:
    """A product at 110.00 with exactly these keys, or with so many."""
    goods = await world.more_goods(slug)
    await world.keys(keys, goods, secrets=secrets)
    return goods


async def orders_of(world: World, goods: Goods) -> list[Any]:
    """Every order of a product."""
    rows = await world.owner.fetch(
        """select o.no, o.payment_status from orders o join order_lines l on l.order_id = o.id
           where l.sku_id = $1""",
        goods.sku_id,
    )
    return list(rows)


def secret_of(page: Page) -> str:
    """The key on a page that shows one."""
    return page.codes[0]


async def test_a_customer_buys_from_the_wallet_and_sees_the_key(
    visitor: Visitor, world: World
) -> None:
    await goods_with(world, "by-wallet", "THE-WALLET-KEY")
    visitor.come_in(await world.customer(wallet_minor=20_000))

    order = await visitor.get((await visitor.buy("by-wallet", "WALLET")).to)
    assert "Delivered" in order.text
    assert "THE-WALLET-KEY" not in order.source
    keys = await visitor.submit(order, "/reveal")

    assert keys.status == 200
    assert secret_of(keys) == "THE-WALLET-KEY"
    assert keys.headers["cache-control"] == "no-store"
    assert keys.headers["referrer-policy"] == "no-referrer"
    assert "¥90.00" in (await visitor.get("/account")).text


@pytest.mark.parametrize("method", ["CARD", "ALIPAY", "WECHAT_PAY"])
async def test_a_guest_buys_through_a_channel_and_sees_the_key(
    visitor: Visitor, world: World, method: str
) -> None:
    slug = f"by-{method.lower().replace('_', '-')}"
    await goods_with(world, slug, f"THE-{method}-KEY")

    bought = await visitor.buy(slug, method, contact="buyer@example.com")
    order = await visitor.settle(bought.to)
    assert "Delivered" in order.text
    keys = await visitor.submit(order, "/reveal")

    assert secret_of(keys) == f"THE-{method}-KEY"


async def test_the_commitment_before_the_payment_is_the_hash_of_the_key_after_it(
    visitor: Visitor, world: World
) -> None:
    await goods_with(world, "committed", "A-COMMITTED-KEY")
    bought = await visitor.buy("committed", "CARD")
    path = bought.to.partition("return_url=")[2]
    order_no = re.search(r"K[0-9]{8}-\w{10}", path)
    assert order_no is not None
    waiting = await visitor.get(f"/o/{order_no[0]}")
    (promised,) = [code for code in waiting.codes if re.fullmatch(r"[0-9a-f]{64}", code)]

    keys = await visitor.submit(await visitor.settle(bought.to), "/reveal")
    (salt,) = re.findall(r'<dd class="hash">([0-9a-f]{32})</dd>', keys.source)

    assert promised in keys.text
    secret = secret_of(keys).encode()
    assert hashlib.sha256(bytes.fromhex(salt) + secret).hexdigest() == promised


async def test_a_double_click_buys_once(visitor: Visitor, world: World) -> None:
    goods = await goods_with(world, "double-click", keys=2)
    page = await visitor.get("/p/double-click")
    first = await visitor.submit(page, "/buy", method="CARD")
    second = await visitor.submit(page, "/buy", method="CARD")

    assert first.to == second.to
    assert len(await orders_of(world, goods)) == 1
    await visitor.settle(first.to)
    assert [order["payment_status"] for order in await orders_of(world, goods)] == ["PAID"]


async def test_a_form_sent_again_with_other_content_is_refused_and_can_be_sent_anew(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_with(world, "changed-form", keys=2)
    visitor.come_in(await world.customer(wallet_minor=50_000))
    page = await visitor.get("/p/changed-form")
    assert (await visitor.submit(page, "/buy", method="WALLET")).status == 303
    conflict = await visitor.submit(page, "/buy", method="WALLET", quantity="2")

    assert conflict.status == 422
    assert len(await orders_of(world, goods)) == 1
    assert (await visitor.submit(conflict, "/buy", quantity="1", method="WALLET")).status == 303


async def test_a_refused_payment_leaves_the_order_and_another_way_pays_it(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_with(world, "refused-card", keys=1)
    bought = await visitor.buy("refused-card", "CARD")

    order = await visitor.settle(bought.to, "refuse")
    assert "The payment did not go through" in order.text
    assert "Pay within 14 minutes" in order.text
    again = await visitor.submit(order, "/pay", method="ALIPAY")
    paid = await visitor.settle(again.to)

    assert "Delivered" in paid.text
    assert [row["payment_status"] for row in await orders_of(world, goods)] == ["PAID"]


async def test_a_channel_that_is_down_leaves_the_order_to_be_paid_another_way(
    visitor: Visitor, world: World, platform: Platform
) -> None:
    await goods_with(world, "channel-down", keys=1)
    await platform.sandbox_control("POST", "faults", error_5xx={})
    try:
        bought = await visitor.buy("channel-down", "CARD")
        order = await visitor.get(bought.to)
        assert order.status == 200
        assert "The payment did not go through" in order.text
        refused = await visitor.submit(order, "/pay", method="ALIPAY")
        assert refused.status == 422
        assert "The payment channel does not answer" in refused.text
    finally:
        await platform.sandbox_control("DELETE", "faults")

    paid = await visitor.settle((await visitor.submit(refused, "/pay", method="ALIPAY")).to)
    assert "Delivered" in paid.text


async def test_coming_back_is_enough_when_the_channels_event_is_lost(
    visitor: Visitor, world: World, platform: Platform
) -> None:
    await goods_with(world, "event-lost", keys=1)
    bought = await visitor.buy("event-lost", "CARD")
    await platform.sandbox_control("POST", "faults", lost={})
    try:
        assert "Delivered" in (await visitor.settle(bought.to)).text
    finally:
        await platform.sandbox_control("DELETE", "faults")


async def test_a_canceled_order_frees_its_keys(visitor: Visitor, world: World) -> None:
    await goods_with(world, "canceled", keys=1)
    visitor.come_in(await world.customer(wallet_minor=50_000))
    order = await visitor.settle((await visitor.buy("canceled", "CARD")).to, "refuse")
    sold_out = await visitor.get("/p/canceled")
    assert "choice" not in sold_out.form("/buy").choices

    canceled = await visitor.get((await visitor.submit(order, "/cancel")).to)

    assert "Canceled" in canceled.text
    assert (await visitor.buy("canceled", "WALLET")).status == 303


async def test_a_price_that_changed_is_shown_before_it_is_paid(
    visitors: Visitors, world: World
) -> None:
    shop = await world.another_shop("dearer")
    goods = await goods_with(world, "dearer-now", keys=1)
    visitor = visitors(shop=shop)
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 1000)
    page = await visitor.get("/p/dearer-now")
    await world.rule(shop, "RETAIL", "FIXED_OVER_COST", 3000)

    refused = await visitor.submit(page, "/buy", method="CARD", contact="a@b.cn")
    assert refused.status == 422
    assert "¥120.00" in refused.text
    assert refused.form("/buy").fields["contact"] == "a@b.cn"
    assert await orders_of(world, goods) == []
    accepted = await visitor.submit(refused, "/buy", method="CARD")

    assert "Delivered" in (await visitor.settle(accepted.to)).text


@pytest.mark.parametrize(
    ("filled", "message"),
    [
        ({"quantity": "2"}, "Only 1 left."),
        ({"quantity": "0"}, "The quantity is at least 1."),
        ({"quantity": "-1"}, "The quantity is at least 1."),
        ({"quantity": "99999"}, "A line has 1 to 500 pieces."),
        ({"quantity": "1e3"}, "The quantity is at least 1."),
        ({"choice": "sku_x.ofr_y.1"}, "Choose what to buy."),
        ({"method": "CASH"}, "Choose a way to pay."),
        ({"method": "WALLET"}, "Only a signed-in customer has a wallet."),
        ({"contact": "x\x07y"}, "A contact has 1 to 200 printable characters."),
        ({"idempotency_key": "short"}, "An idempotency key"),
    ],
)
async def test_a_problem_is_shown_in_the_form_and_nothing_is_written(
    visitor: Visitor, world: World, filled: dict[str, str], message: str
) -> None:
    known = await world.owner.fetchval("select id from products where slug = 'problematic'")
    if known is None:
        await goods_with(world, "problematic", keys=1)
    before = await world.owner.fetchval("select count(*) from orders")
    page = await visitor.buy("problematic", filled.pop("method", "CARD"), **filled)

    assert page.status == 422
    assert message in page.text
    assert await world.owner.fetchval("select count(*) from orders") == before


async def test_problems_are_told_in_chinese_to_chinese_readers(visitors: Visitors) -> None:
    visitor = visitors(language="zh-CN")
    refused = await visitor.buy("genshin-moon", "CARD", quantity="90000")
    assert refused.status == 422
    assert "购买数量为 1 到 500 件。" in refused.text

    wrong = await visitor.submit(
        await visitor.get("/sign-in"), "/sign-in", account="a@b.cn", password="not mine"
    )
    assert wrong.status == 403
    assert "账号或密码错误。" in wrong.text


async def test_a_guest_is_given_the_link_once_and_it_opens_the_order_elsewhere(
    visitors: Visitors, world: World
) -> None:
    await goods_with(world, "by-link", "LINKED-KEY")
    visitor, elsewhere = visitors(), visitors()
    order = await visitor.settle((await visitor.buy("by-link", "CARD")).to)
    (link,) = [code for code in order.codes if "?t=kmg_" in code]
    path = link.partition("?")[0].removeprefix(f"http://{visitor.host}")
    assert "?t=" not in (await visitor.get(path)).source

    assert (await elsewhere.get(path)).status == 404
    opened = await elsewhere.get(link)
    assert opened.to == path, "the token does not stay in the address"
    keys = await elsewhere.submit(await elsewhere.get(path), "/reveal")

    assert secret_of(keys) == "LINKED-KEY"


async def test_an_order_is_nobody_elses(visitors: Visitors, world: World) -> None:
    await goods_with(world, "my-own", "MY-KEY", "ANOTHER-KEY")
    guest, customer, stranger = visitors(), visitors(), visitors()
    customer.come_in(await world.customer(wallet_minor=50_000))
    stranger.come_in(await world.customer(wallet_minor=50_000))
    by_guest = await guest.settle((await guest.buy("my-own", "CARD")).to)
    by_customer = await customer.get((await customer.buy("my-own", "WALLET")).to)
    own_form = (await stranger.get("/")).form("/sign-out").fields

    for order in (by_guest, by_customer):
        path = order.form("/reveal").action.removesuffix("/reveal")
        assert (await stranger.get(path)).status == 404
        assert (await stranger.get(f"{path}/return")).status == 404
        for action in ("reveal", "export", "give-back", "cancel", "pay"):
            fields = {**own_form, "method": "CARD", "idempotency_key": "k" * 32}
            refused = await stranger.post(f"{path}/{action}", fields)
            assert refused.status == 404, action
            assert "MY-KEY" not in refused.source
    elsewhere = visitors(shop=await world.another_shop("elsewhere"))
    elsewhere.browser.cookies = guest.browser.cookies
    path = by_guest.form("/reveal").action.removesuffix("/reveal")
    assert (await elsewhere.get(path)).status == 404


async def test_one_key_is_opened_and_the_others_can_be_given_back(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_with(world, "three-keys", "ONE", "TWO", "THREE")
    visitor.come_in(await world.customer(wallet_minor=40_000))
    order = await visitor.get((await visitor.buy("three-keys", "WALLET", quantity="3")).to)
    form = order.form("/reveal")
    assert len(form.choices["key"]) == 3

    keys = await visitor.submit(order, "/reveal", key=form.choices["key"][0])
    opened = [code for code in keys.codes if code in ("ONE", "TWO", "THREE")]
    assert len(opened) == 1
    back = await visitor.get(form.action.removesuffix("/reveal"))
    assert back.form("/give-back").fields["quantity"] == "2"
    returned = await visitor.get((await visitor.submit(back, "/give-back")).to)

    assert "Given back" in returned.text
    assert "given back: 2" in returned.text
    assert "¥290.00" in (await visitor.get("/account")).text
    free = await world.owner.fetchval(
        "select count(*) from keys where sku_id = $1 and status = 'AVAILABLE'", goods.sku_id
    )
    assert free == 2
    too_late = await visitor.submit(back, "/give-back", idempotency_key="k" * 32)
    assert too_late.status == 422
    assert "unopened" in too_late.text


@pytest.mark.parametrize(("language", "name"), [("zh-CN", "月卡"), ("en", "Monthly pass")])
async def test_a_key_is_named_in_the_readers_language(
    visitors: Visitors, world: World, language: str, name: str
) -> None:
    goods = await goods_with(world, f"named-{language.lower()}", keys=1)
    await world.owner.execute(
        "update skus set name_zh = '月卡', name_en = 'Monthly pass' where id = $1", goods.sku_id
    )
    visitor = visitors(language=language)
    visitor.come_in(await world.customer(wallet_minor=20_000))
    order = await visitor.get((await visitor.buy(goods.slug, "WALLET")).to)

    assert name in order.text
    assert name in (await visitor.submit(order, "/reveal")).text


async def test_keys_are_taken_home_as_a_file(visitor: Visitor, world: World) -> None:
    await goods_with(world, "as-a-file", "=1+1", "PLAIN")
    visitor.come_in(await world.customer(wallet_minor=40_000))
    order = await visitor.get((await visitor.buy("as-a-file", "WALLET", quantity="2")).to)

    text = await visitor.submit(order, "/export", format="TXT")
    table = await visitor.submit(order, "/export", format="CSV")

    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert sorted(text.source.split()) == ["=1+1", "PLAIN"]
    assert re.fullmatch(
        r'attachment; filename="K[0-9]{8}-\w{10}\.csv"', table.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(table.source.removeprefix("\ufeff"))))
    assert sorted(row["key"] for row in rows) == ["'=1+1", "PLAIN"]
    assert table.headers["cache-control"] == "no-store"


async def test_an_affiliate_is_thanked_for_a_buyer_who_brings_the_code(
    visitor: Visitor, world: World
) -> None:
    goods = await goods_with(world, "recommended", keys=1)
    star = await world.affiliate("pagestar")
    visitor.come_in(await world.customer(wallet_minor=40_000))
    await visitor.buy("recommended", "WALLET", affiliate_code="pagestar")

    thanked = await world.owner.fetchval(
        """select s.party_id from line_shares s join order_lines l on l.id = s.line_id
           where l.sku_id = $1 and s.role = 'AFFILIATE'""",
        goods.sku_id,
    )
    assert thanked == star.id
