"""A shop's own looks and words on its pages: shown as they are, and never as markup."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Final

import pytest

from kernel.ids import new_id
from web_visitor import Page, Visitor
from world import ShopAt, World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

HOSTILE: Final = """</p><script>alert(1)</script><b>bold</b> {{ 7*7 }} [x](javascript:alert) '"&"""
LOGO: Final = "https://pictures.example/logo.png"
BANNER: Final = "https://banners.example/sale.png"

Visitors = Callable[..., Visitor]


class Elements(HTMLParser):
    """Pictures, links and sheets of a page, with their attributes."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


async def dressed_shop(world: World, slug: str) -> ShopAt:
    """A shop with pictures, colours, contacts and texts."""
    shop = await world.another_shop(slug)
    await world.owner.execute(
        """insert into storefronts (tenant_id, id, logo_url, banner_url, accent, on_accent)
           values ($1, $2, $3, $4, '#1f4fa3', '#ffffff')""",
        shop.id,
        new_id(),
        LOGO,
        BANNER,
    )
    texts = {
        ("zh-CN", "BRAND"): "星河数卡",
        ("en", "BRAND"): "Galaxy Cards",
        ("en", "ANNOUNCEMENT"): "Sale until [Sunday](https://news.example/sale).\n\nHurry.",
        ("zh-CN", "TERMS"): "不退不换",
        ("en", "PRIVACY"): HOSTILE,
    }
    for (locale, kind), body in texts.items():
        await world.owner.execute(
            "insert into storefront_texts values ($1, $2, $3, $4)", shop.id, locale, kind, body
        )
    for position, (kind, value) in enumerate(
        [("QQ", "10001"), ("TELEGRAM", "galaxy_kf"), ("PHONE", "400-820-8820")], start=1
    ):
        await world.owner.execute(
            "insert into storefront_contacts values ($1, $2, $3, $4)",
            shop.id,
            position,
            kind,
            value,
        )
    return shop


async def test_a_shop_shows_its_name_news_and_support_in_the_readers_language(
    visitors: Visitors, world: World
) -> None:
    shop = await dressed_shop(world, "dressed")
    english = await visitors(shop=shop).get("/")
    chinese = await visitors(shop=shop, language="zh-CN").get("/")
    assert "Galaxy Cards" in english.text and "星河数卡" not in english.text
    assert "星河数卡" in chinese.text and "Galaxy" not in chinese.text
    assert "Sale until Sunday ." in english.text
    assert "QQ 10001" in english.text and "电话 400-820-8820" in chinese.text
    assert {"https://t.me/galaxy_kf", "tel:4008208820", "/texts/terms"} <= set(english.links)
    assert "Terms of service" in english.text and "About us" not in english.text


async def test_a_link_of_the_shops_gives_nothing_away_and_vouches_for_nothing(
    visitors: Visitors, world: World
) -> None:
    shop = await dressed_shop(world, "linking")
    page = await visitors(shop=shop).get("/")
    foreign = [link for link in Elements(page).all("a") if link["href"].startswith("https:")]
    assert {link["href"] for link in foreign} == {
        "https://news.example/sale",
        "https://t.me/galaxy_kf",
    }
    assert {link["rel"] for link in foreign} == {"nofollow noopener"}
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_pictures_come_from_the_hosts_that_the_policy_names_and_from_no_other(
    visitors: Visitors, world: World
) -> None:
    shop = await dressed_shop(world, "pictured")
    page = await visitors(shop=shop).get("/")
    assert [picture["src"] for picture in Elements(page).all("img")] == [LOGO, BANNER]
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' https://banners.example https://pictures.example;" in policy
    assert "script-src 'none'" in policy and "default-src 'self'" in policy
    plain = await visitors().get("/")
    assert "img-src 'self' ;" in plain.headers["content-security-policy"]
    assert "img" not in plain.tags


async def test_colours_come_as_a_sheet_of_the_shops_own_origin(
    visitors: Visitors, world: World
) -> None:
    shop = await dressed_shop(world, "coloured")
    visitor = visitors(shop=shop)
    sheets = [link["href"] for link in Elements(await visitor.get("/")).all("link")]
    [own] = [sheet for sheet in sheets if sheet.startswith("/theme.css?v=")]
    sheet = await visitor.get(own)
    assert sheet.status == 200
    assert sheet.headers["content-type"].startswith("text/css")
    assert "--brand: #1f4fa3; --on-brand: #ffffff; --brand-soft: #e9edf6;" in sheet.source
    assert "prefers-color-scheme: light" in sheet.source and "dark" not in sheet.source
    assert (await visitors().get("/theme.css")).status == 404


async def test_a_hostile_text_is_text(visitors: Visitors, world: World) -> None:
    shop = await dressed_shop(world, "hostile-words")
    await world.owner.execute(
        "update storefront_texts set body = $2 where tenant_id = $1 and kind <> 'BRAND'",
        shop.id,
        HOSTILE,
    )
    await world.owner.execute(
        "update storefront_texts set body = $2 where tenant_id = $1 and kind = 'BRAND'",
        shop.id,
        "<script>x</script>{{ 7*7 }}",
    )
    visitor = visitors(shop=shop)
    for path in ("/", "/texts/privacy", "/texts/terms", "/sign-in"):
        page = await visitor.get(path)
        assert page.status == 200
        assert not page.tags & {"script", "b", "iframe", "style"}, path
        assert "{{ 7*7 }}" in page.text
        assert not any(link.startswith("javascript:") for link in page.links)


async def test_a_text_has_a_page_in_the_language_there_is(visitors: Visitors, world: World) -> None:
    shop = await dressed_shop(world, "lawful")
    page = await visitors(shop=shop).get("/texts/terms")
    assert page.status == 200
    assert "Terms of service" in page.text and "不退不换" in page.text
    for name in ("about", "brand", "announcement", "nothing", "TERMS"):
        assert (await visitors(shop=shop).get(f"/texts/{name}")).status == 404
    assert (await visitors().get("/texts/terms")).status == 404
