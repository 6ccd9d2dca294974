"""What strangers write and other people's browsers show: texts, addresses, colours, contacts."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import db
from kernel.errors import Invalid
from kernel.settings import Settings
from tenants.directory import Shop, current_shop
from tenants.models import Locale
from tenants.storefronts.addresses import checked_address, is_address, origin_of
from tenants.storefronts.changing import StorefrontChange, TextChange, change_storefront
from tenants.storefronts.colours import (
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    Pair,
    Theme,
    checked_pair,
    contrast,
)
from tenants.storefronts.contacts import Contact, ContactKind, checked_contacts
from tenants.storefronts.showing import Storefront, current_storefront, storefront
from tenants.storefronts.writing import Span, TextKind, checked_text, paragraphs, require_visible
from two_tenants import Shops, two_shops

# ---- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://pictures.example",
        "https://pictures.example/",
        "https://a-1.pictures.example.co/logo@2x.png?v=3&w=10",
        "https://xn--fiq228c.example/%E6%98%9F.png",
    ],
)
def test_an_https_address_of_a_named_host_is_taken(address: str) -> None:
    assert checked_address(f" {address} ", field="logoUrl") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://pictures.example/logo.png",
        "HTTPS://pictures.example/",
        "//pictures.example/logo.png",
        "javascript:alert(1)",
        "data:image/svg+xml,<svg/>",
        "https:/pictures.example",
        "https://localhost/",
        "https://127.0.0.1/logo.png",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://user@pictures.example/",
        "https://user:word@pictures.example/",
        "https://pictures.example:8443/",
        "https://pictures.example\\@evil.example/",
        "https://pictures.example/#x",
        "https://pictures.example/a b.png",
        "https://pictures.example/a;script-src",
        "https://pictures.example/a,b",
        'https://pictures.example/"onerror="x',
        "https://pictures.example/'x'",
        "https://pictures.example/<x>",
        "https://pictures.example/\nx",
        "https://pictures.example/星.png",
        "https://星.example/logo.png",
        "https://-pictures.example/",
        "https://pictures..example/",
        "https://" + "a" * 64 + ".example/",
        "https://pictures.example/" + "x" * 500,
    ],
)
def test_every_other_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        checked_address(address, field="logoUrl")


def test_the_source_of_a_picture_is_its_host_alone() -> None:
    assert origin_of("https://pictures.example/a?b=c") == "https://pictures.example"


# ---- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202egnp.exe",  # right to left
        "\u2066x\u2069",  # isolates
        "\u200b",  # zero width space
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u00ad",  # soft hyphen
        "\u3164",  # Hangul filler
        "\u2800",  # blank braille
        "\u2028",
        "\x00",
        "\x1b[31m",
        "\ud800",
        "\ue000",
        "\U000e0041",  # tags
        "a" + "\u0301" * 5,  # a tower of marks
    ],
)
def test_what_cannot_be_seen_or_turns_others_round_is_refused(hidden: str) -> None:
    for kind in TextKind:
        with pytest.raises(Invalid):
            checked_text(kind, f"星河{hidden}数卡")
    with pytest.raises(Invalid):
        require_visible(f"x{hidden}", field="name")


@pytest.mark.parametrize(
    "text", ["星河数卡，正品保证！", "Ça va — “quoted” 你好 🎮", "Việt Nam", "१२३ कि", "❤\ufe0f"]
)
def test_the_worlds_letters_are_taken(text: str) -> None:
    assert checked_text(TextKind.ANNOUNCEMENT, f"  {text}\r\n") == text


def test_texts_have_their_lengths() -> None:
    for kind, longest in (
        (TextKind.BRAND, 40),
        (TextKind.ANNOUNCEMENT, 1_000),
        (TextKind.TERMS, 10_000),
    ):
        assert checked_text(kind, "字" * longest)
        with pytest.raises(Invalid):
            checked_text(kind, "字" * (longest + 1))
    with pytest.raises(Invalid):
        checked_text(TextKind.BRAND, "two\nlines")


@pytest.mark.parametrize(
    "link", ["[x](http://a.example)", "[x](javascript:alert)", "[x](/account)", "[x](https://1.2)"]
)
def test_a_link_leads_to_an_https_address(link: str) -> None:
    with pytest.raises(Invalid):
        checked_text(TextKind.ABOUT, f"see {link}")


def test_a_text_has_few_links() -> None:
    link = "[x](https://a.example) "
    assert checked_text(TextKind.ABOUT, link * 20)
    with pytest.raises(Invalid):
        checked_text(TextKind.ABOUT, link * 21)


def test_paragraphs_and_links_are_taken_apart_and_nothing_else() -> None:
    text = "One\nline [here](https://a.example/x).\n \n\n<b>bold</b> *x* [no](http://b.example)"
    assert paragraphs(text) == [
        [Span("One\nline "), Span("here", "https://a.example/x"), Span(".")],
        [Span("<b>bold</b> *x* [no](http://b.example)")],
    ]


@given(st.text(alphabet=st.sampled_from("[]()ah:/.s\n<>\"'& *htp"), max_size=80))
def test_no_text_makes_a_link_that_is_no_address(text: str) -> None:
    for spans in paragraphs(text):
        assert all(span.href is None or is_address(span.href) for span in spans)
        shown = "".join(span.text for span in spans)
        assert set(shown) <= set(text)


# ---- colours ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.478), ("#123456", "#123456", 1.0)],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.001)
    assert contrast(other, one) == contrast(one, other)


def test_colours_that_can_be_read_are_taken() -> None:
    assert checked_pair(" #1F4FA3", "#ffffff", grounds=LIGHT_GROUNDS, field="theme") == Pair(
        "#1f4fa3", "#ffffff"
    )
    assert checked_pair("#9db7ff", "#10142b", grounds=DARK_GROUNDS, field="theme")


@pytest.mark.parametrize(
    ("accent", "on_accent"),
    [
        ("#ffff00", "#000000"),  # links would be yellow on white
        ("#1f4fa3", "#1f4fa4"),  # words on a button of their own colour
        ("#777777", "#ffffff"),
    ],
)
def test_colours_that_nobody_can_read_are_refused(accent: str, on_accent: str) -> None:
    with pytest.raises(Invalid, match="too close"):
        checked_pair(accent, on_accent, grounds=LIGHT_GROUNDS, field="theme")


@pytest.mark.parametrize(
    "colour", ["", "red", "#fff", "#1f4fa", "#1f4fa3;}", "rgb(0,0,0)", "url(//x)", "#1f4fag"]
)
def test_a_colour_is_six_digits(colour: str) -> None:
    with pytest.raises(Invalid, match="hexadecimal"):
        checked_pair(colour, "#ffffff", grounds=LIGHT_GROUNDS, field="theme")


# ---- contacts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "written", "stored", "href"),
    [
        ("PHONE", "+86 138-0013-8000", "+86 138-0013-8000", "tel:+8613800138000"),
        ("PHONE", "400-820-8820", "400-820-8820", "tel:4008208820"),
        ("QQ", "10001", "10001", None),
        ("WECHAT", "xinghe_kf", "xinghe_kf", None),
        ("TELEGRAM", "@xinghe_kf", "xinghe_kf", "https://t.me/xinghe_kf"),
        ("EMAIL", "kf@xinghe.example", "kf@xinghe.example", "mailto:kf@xinghe.example"),
        ("URL", "https://chat.example/x", "https://chat.example/x", "https://chat.example/x"),
    ],
)
def test_a_contact_leads_where_its_kind_leads(
    kind: str, written: str, stored: str, href: str | None
) -> None:
    [contact] = checked_contacts([Contact(ContactKind(kind), f" {written} ")])
    assert (contact.value, contact.href) == (stored, href)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("PHONE", "12"),
        ("PHONE", "javascript:alert(1)"),
        ("QQ", "012345"),
        ("QQ", "１２３４５"),
        ("WECHAT", "1abcdef"),
        ("TELEGRAM", "a/../b"),
        ("EMAIL", "a@b"),
        ("EMAIL", "a@b.example?subject=x"),
        ("URL", "http://chat.example"),
        ("URL", "tel:1"),
    ],
)
def test_what_is_no_contact_of_its_kind_is_refused(kind: str, written: str) -> None:
    with pytest.raises(Invalid):
        checked_contacts([Contact(ContactKind(kind), written)])


def test_contacts_have_a_limit() -> None:
    ten = [Contact(ContactKind.QQ, "10001")] * 10
    assert len(checked_contacts(ten)) == 10
    with pytest.raises(Invalid):
        checked_contacts([*ten, *ten[:1]])


# ---- the change, in the database ----------------------------------------------------------------


@pytest.fixture
async def shops(database: Settings, owner: asyncpg.Connection) -> Shops:
    return await two_shops(owner)


async def shop_of(shops: Shops) -> Shop:
    async with db.transaction(db.core_scope(), read_only=True):
        return await current_shop(shops.ours)


WHOLE = StorefrontChange(
    name="星河 ",
    locale=Locale.ENGLISH,
    logo_url="https://pictures.example/logo.png",
    banner_url="https://pictures.example/banner.png",
    theme=Theme(Pair("#1f4fa3", "#ffffff"), Pair("#9db7ff", "#10142b")),
    contacts=[Contact(ContactKind.QQ, "10001"), Contact(ContactKind.TELEGRAM, "@xinghe_kf")],
    texts=[
        TextChange(Locale.CHINESE, TextKind.BRAND, "星河数卡"),
        TextChange(Locale.ENGLISH, TextKind.BRAND, "Galaxy"),
        TextChange(Locale.CHINESE, TextKind.TERMS, "条款"),
    ],
)


async def test_a_storefront_is_as_it_was_written(shops: Shops) -> None:
    assert (await storefront(await shop_of(shops))).texts == {}
    await change_storefront(tenant_id=shops.ours, change=WHOLE)
    shop = await shop_of(shops)
    front = await storefront(shop)
    assert (shop.name, shop.locale) == ("星河", "en")
    assert (front.logo_url, front.banner_url) == (WHOLE.logo_url, WHOLE.banner_url)
    assert front.theme == WHOLE.theme
    assert [contact.value for contact in front.contacts] == ["10001", "xinghe_kf"]
    assert front.text(TextKind.BRAND, english=True) == "Galaxy"
    assert front.text(TextKind.BRAND, english=False) == "星河数卡"
    assert front.text(TextKind.TERMS, english=True) == "条款", "else the other language"
    assert front.text(TextKind.ABOUT, english=True) is None


async def test_what_is_not_named_stays_and_what_is_emptied_goes(shops: Shops) -> None:
    await change_storefront(tenant_id=shops.ours, change=WHOLE)
    await change_storefront(
        tenant_id=shops.ours,
        change=StorefrontChange(
            logo_url=None,
            theme=Theme(Pair("#1f4fa3", "#ffffff"), None),
            contacts=[],
            texts=[
                TextChange(Locale.CHINESE, TextKind.BRAND, " "),
                TextChange(Locale.ENGLISH, TextKind.BRAND, "Milky Way"),
            ],
        ),
    )
    front = await current_storefront(shops.ours)
    assert (front.logo_url, front.banner_url) == (None, WHOLE.banner_url)
    assert front.theme == Theme(Pair("#1f4fa3", "#ffffff"), None)
    assert front.contacts == ()
    assert front.texts == {
        (Locale.ENGLISH, TextKind.BRAND): "Milky Way",
        (Locale.CHINESE, TextKind.TERMS): "条款",
    }
    assert (await shop_of(shops)).name == "星河"


@pytest.mark.parametrize(
    "change",
    [
        StorefrontChange(name="x", logo_url="http://a.example/"),
        StorefrontChange(name="\u202ex"),
        StorefrontChange(name=""),
        StorefrontChange(name="x", theme=Theme(Pair("#ffff00", "#000000"), None)),
        StorefrontChange(name="x", contacts=[Contact(ContactKind.QQ, "x")]),
        StorefrontChange(name="x", texts=[TextChange(Locale.ENGLISH, TextKind.BRAND, "x" * 41)]),
        StorefrontChange(name="x", texts=[TextChange(Locale.ENGLISH, TextKind.BRAND, "x")] * 2),
    ],
)
async def test_a_refused_change_has_written_nothing(
    shops: Shops, owner: asyncpg.Connection, change: StorefrontChange
) -> None:
    before = await versions(owner)
    with pytest.raises(Invalid):
        await change_storefront(tenant_id=shops.ours, change=change)
    assert await versions(owner) == before
    assert (await shop_of(shops)).name == "ours"


async def versions(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await owner.fetch(
        "select * from catalogue_versions order by owner_id"
    )
    return rows


async def test_a_storefront_is_read_once_for_each_version(shops: Shops) -> None:
    await change_storefront(tenant_id=shops.ours, change=WHOLE)
    shop = await shop_of(shops)
    asked: list[str] = []
    token = db.statement_log.set(asked)
    try:
        fronts = [await storefront(shop) for _ in range(3)]
        await change_storefront(tenant_id=shops.ours, change=StorefrontChange(logo_url=None))
        asked.clear()
        newer = await shop_of(shops)
        asked.clear()
        fronts += [await storefront(newer) for _ in range(2)]
    finally:
        db.statement_log.reset(token)
    assert len(asked) == 1
    assert [front.logo_url for front in fronts] == [WHOLE.logo_url] * 3 + [None] * 2


async def test_another_shops_storefront_is_its_own(shops: Shops) -> None:
    await change_storefront(tenant_id=shops.ours, change=WHOLE)
    theirs: Storefront = await current_storefront(shops.theirs)
    assert (theirs.logo_url, theirs.contacts, theirs.texts) == (None, (), {})


@pytest.mark.parametrize(
    "statement",
    [
        "insert into storefronts (tenant_id, id, logo_url) values ($1, $1, 'http://a.example')",
        "insert into storefronts (tenant_id, id, logo_url) values ($1, $1, 'https://a.example/;x')",
        "insert into storefronts (tenant_id, id, accent, on_accent) values ($1, $1, 'red', 'red')",
        "insert into storefronts (tenant_id, id, accent) values ($1, $1, '#123456')",
        "insert into storefront_texts values ($1, 'en', 'BRAND', repeat('x', 41))",
        "insert into storefront_contacts values ($1, 11, 'QQ', '10001')",
    ],
)
async def test_the_database_refuses_what_a_page_could_not_show(
    shops: Shops, owner: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(statement, shops.ours)
    assert (await current_storefront(shops.ours)).logo_url is None
