"""What is shown: without a script, in the reader's language, and every text as text."""

from collections.abc import Callable

import pytest

from kernel.ids import new_id
from patience import until
from processes import Platform
from web_visitor import Page, Visitor
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ 7*7 }}'"&"""
PUBLIC_PAGES = ("/", "/c/games", "/p/genshin-moon", "/sign-in", "/sign-up")


@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_a_page_needs_no_account_and_no_script(visitor: Visitor, path: str) -> None:
    page = await visitor.get(path)

    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in page.tags
    assert "main" in page.tags and "h1" in page.tags


async def test_the_account_needs_a_customer(visitor: Visitor, world: World) -> None:
    assert (await visitor.get("/account")).to == "/sign-in?next=/account"

    visitor.come_in(await world.customer(wallet_minor=12_345))
    page = await visitor.get("/account")

    assert page.status == 200
    assert "¥123.45" in page.text


async def test_the_catalogue_shows_what_a_product_costs_and_how_many_there_are(
    visitor: Visitor,
) -> None:
    page = await visitor.get("/")

    assert "genshin-moon CN¥110.00 and up In stock: " in page.text
    assert "/p/genshin-moon" in page.links
    assert "/c/games" in page.links


async def test_a_product_says_what_is_bought_and_offers_the_shops_ways_to_pay(
    visitor: Visitor, world: World
) -> None:
    await world.owner.execute(
        """update skus set region = 'CN', validity_days = 30,
                  usage_rules_en = array['One account only.'],
                  redeem_steps_en = array['Open the game.', 'Enter the key.']
           where id = $1""",
        world.goods.sku_id,
    )
    page = await visitor.get("/p/genshin-moon")

    for text in ("¥100.00", "CN", "30 days", "One account only.", "Enter the key.", "¥110.00"):
        assert text in page.text
    assert page.form("/buy").choices["method"] == ["CARD", "ALIPAY", "WECHAT_PAY"]

    visitor.come_in(await world.customer(wallet_minor=50_000))
    page = await visitor.get("/p/genshin-moon")
    assert page.form("/buy").choices["method"] == ["WALLET", "CARD", "ALIPAY", "WECHAT_PAY"]
    assert "¥500.00" in page.text


async def test_sellers_offers_can_be_compared_and_the_dearer_one_bought(
    visitor: Visitor, world: World
) -> None:
    goods = await world.more_goods("two-sellers")
    dearer = await world.more_goods("its-rival", supply_minor=9_000)
    await world.owner.execute(
        "update supplier_listings set sku_id = $1 where id = $2", goods.sku_id, dearer.listing_id
    )
    await world.keys(1, goods)
    await world.owner.execute(
        "update key_batches set sku_id = $1 where supplier_listing_id = $2",
        goods.sku_id,
        dearer.listing_id,
    )
    rival = type(goods)(
        goods.product_id, goods.sku_id, dearer.listing_id, dearer.supplier_id, goods.slug
    )
    await world.keys(1, rival)
    visitor.come_in(await world.customer(wallet_minor=50_000))

    page = await visitor.get("/p/two-sellers")
    cheap, dear = page.form("/buy").choices["choice"]
    assert page.form("/buy").fields["choice"] == cheap
    assert "Other offers (1)" in page.text
    order = await visitor.get((await visitor.submit(page, "/buy", method="WALLET", choice=dear)).to)

    assert "¥120.00" in order.text


async def test_a_page_speaks_the_visitors_language(visitors: Callable[..., Visitor]) -> None:
    chinese = await visitors(language="zh-CN,zh;q=0.9").get("/p/genshin-moon")
    english = await visitors(language="en-GB").get("/p/genshin-moon")

    assert '<html lang="zh-Hans">' in chinese.source and "立即购买" in chinese.text
    assert '<html lang="en">' in english.source and "Buy now" in english.text


async def test_a_category_shows_its_own_products_and_those_below_it(
    visitor: Visitor, world: World
) -> None:
    for slug, parent in (("music", None), ("jazz", "music")):
        await world.owner.execute(
            """insert into categories (id, parent_id, path, slug, name_zh, name_en)
               select $1, p.id, coalesce(p.path, '{}') || $1::uuid, $2, $2, $2
               from (select 1) one left join categories p on p.slug = $3""",
            new_id(),
            slug,
            parent,
        )
    goods = await world.more_goods("saxophone")
    await world.owner.execute(
        "update products set category_id = (select id from categories where slug = 'jazz')"
        " where id = $1",
        goods.product_id,
    )

    for path in ("/c/music", "/c/jazz"):
        page = await visitor.get(path)
        assert "/p/saxophone" in page.links
        assert "/p/genshin-moon" not in page.links
        assert "/c/jazz" in page.links
    assert "/p/saxophone" not in (await visitor.get("/c/games")).links


async def test_pages_follow_one_another_without_a_gap(visitor: Visitor, world: World) -> None:
    planted = {f"/p/{(await world.more_goods(f'many-{n}')).slug}" for n in range(30)}
    seen: list[str] = []
    path: str | None = "/"
    while path is not None:
        page = await visitor.get(path)
        assert page.status == 200
        seen += [link for link in page.links if link.startswith("/p/")]
        path = next((link for link in page.links if "after=" in link), None)

    assert planted <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "path",
    [
        "/c/nowhere",
        "/p/nothing",
        "/p/%00",
        "/p/GENSHIN-MOON",
        "/c/%F0%9F%92%A3",
        "/o/K20250101-0000000000",
        "/o/K20250101-0000000000?t=kmg_0123456789012345678901234567",
        "/o/%00",
        "/o/K20250101-0000000000/return",
    ],
)
async def test_what_is_not_there_is_a_404_with_a_way_home(visitor: Visitor, path: str) -> None:
    page = await visitor.get(path)

    assert page.status == 404
    assert "There is no such page" in page.text
    assert "/" in page.links


@pytest.mark.parametrize("cursor", ["nonsense", "%00", "a.b", "%ED%A0%80"])
async def test_a_cursor_that_is_none_is_refused_and_no_error(visitor: Visitor, cursor: str) -> None:
    page = await visitor.get(f"/?after={cursor}")

    assert page.status == 400
    assert "main" in page.tags


async def test_hostile_names_are_text_and_nothing_else(
    visitors: Callable[..., Visitor], world: World
) -> None:
    shop = await world.another_shop("hostile")
    goods = await world.more_goods("hostile-goods")
    await world.keys(1, goods, secrets=[HOSTILE])
    await world.owner.execute(
        "update tenants set name = $2, support_contact = $2 where id = $1", shop.id, HOSTILE
    )
    await world.owner.execute(
        "update categories set name_zh = $1, name_en = $1 where slug = 'games'", HOSTILE
    )
    await world.owner.execute(
        """update products set name_zh = $2, name_en = $2, description_en = $2, platform = $2
           where id = $1""",
        goods.product_id,
        HOSTILE,
    )
    await world.owner.execute(
        """update skus set name_zh = $2, name_en = $2, region = 'CN', scope_of_use_en = $2,
                  usage_rules_en = array[$2], redeem_steps_en = array[$2] where id = $1""",
        goods.sku_id,
        HOSTILE,
    )
    await world.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, title_override) values ($1, $2, $3)",
        shop.id,
        goods.sku_id,
        HOSTILE,
    )
    visitor = visitors(shop=shop)
    visitor.come_in(await world.customer(shop, wallet_minor=100_000))
    bought = await visitor.buy("hostile-goods", "WALLET")
    order = await visitor.get(bought.to)
    pages = [
        await visitor.get("/"),
        await visitor.get("/p/hostile-goods"),
        order,
        await visitor.submit(order, "/reveal"),
        await visitor.get("/account"),
    ]
    await world.owner.execute(
        "update categories set name_zh = '游戏', name_en = 'Games' where slug = 'games'"
    )

    for page in pages:
        assert page.status == 200
        assert not page.tags & {"script", "img"}
        assert "<script>" in page.text, "the name is shown as it is"
        assert "{{ 7*7 }}" in page.text


async def test_what_a_visitor_typed_comes_back_as_text(visitor: Visitor) -> None:
    typed = f"{HOSTILE}\x01"
    page = await visitor.buy("genshin-moon", "CARD", contact=typed)

    assert page.status == 422
    assert not page.tags & {"script", "img"}
    assert page.form("/buy").fields["contact"] == typed


async def test_every_page_is_closed_to_frames_scripts_and_keepers(
    visitor: Visitor, platform: Platform
) -> None:
    for path in (*PUBLIC_PAGES, "/p/nothing"):
        headers = (await visitor.get(path)).headers
        policy = dict(
            (part.split()[0], part.split()[1:])
            for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == ["'self'"]
        assert policy["script-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
        assert policy["form-action"] == ["'self'", platform.sandbox_url]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["vary"] == "Cookie, Accept-Language"


async def test_the_style_sheet_comes_from_the_shop_and_may_be_kept(visitor: Visitor) -> None:
    page: Page = await visitor.get("/static/shop.css")

    assert page.status == 200
    assert page.headers["content-type"].startswith("text/css")
    assert page.headers["cache-control"] == "public, max-age=3600"
    assert "@import" not in page.source and "url(" not in page.source
    assert (await visitor.get("/static/../app.py")).status == 404
    assert (await visitor.get("/static/%2e%2e/app.py")).status == 404


async def test_the_account_shows_how_far_a_member_has_come(
    visitors: Callable[..., Visitor], world: World
) -> None:
    at = await world.another_shop("members")
    await world.rule(at, "RETAIL", "FIXED_OVER_COST", 2000)
    silver = await world.tier(at, "银卡", rank=1, spent_minor=11_000, window_days=90)
    await world.tier(at, "<金卡>", rank=2, spent_minor=60_000, window_days=90)
    off = {"scope": "DEFAULT", "target_id": None, "kind": "PERCENT_OF_FACE"}
    await world.asks(at, 9_700, for_kind="TIER", for_id=silver, **off)
    visitor, buyer = visitors(shop=at), await world.customer(at, wallet_minor=50_000)
    visitor.come_in(buyer)
    assert "Another CN¥110.00 and you are “银卡”." in (await visitor.get("/account")).text

    bought = await visitor.buy(world.goods.slug, "WALLET")
    assert bought.status == 303

    async def text() -> str:
        return (await visitor.get("/account")).text

    page = await until(text, lambda seen: "Membership 银卡 3% off" in seen)  # the worker has looked
    assert "Another CN¥490.00 and you are “<金卡>”." in page
    assert "Counted over 90 days of delivered orders: CN¥110.00 so far." in page
    assert "You keep this tier until " in page
