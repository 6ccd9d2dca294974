"""The shop's own looks and words on its pages.

Nothing that a shop has written is taken as HTML or CSS: texts are spans that the template escapes,
the sheet of colours is made here out of checked digits, and a picture is an address that only the
buyer's browser fetches, from a host that the page's policy names.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tenants.directory import Shop
from tenants.storefronts.addresses import origin_of
from tenants.storefronts.colours import DARK_GROUNDS, LIGHT_GROUNDS, Pair, Theme
from tenants.storefronts.contacts import Contact, ContactKind
from tenants.storefronts.showing import Storefront, storefront
from tenants.storefronts.writing import PAGES, Span, TextKind, paragraphs

SHEET: Final = "/theme.css"
_KEEP_SHEET: Final = "public, max-age=3600"
_TITLES: Final = {
    TextKind.ABOUT: ("关于本店", "About us"),
    TextKind.TERMS: ("服务条款", "Terms of service"),
    TextKind.PRIVACY: ("隐私政策", "Privacy"),
    TextKind.REFUNDS: ("退款规则", "Refunds"),
}
_WAYS: Final = {
    ContactKind.PHONE: ("电话", "Phone"),
    ContactKind.QQ: ("QQ", "QQ"),
    ContactKind.WECHAT: ("微信", "WeChat"),
    ContactKind.TELEGRAM: ("Telegram", "Telegram"),
    ContactKind.EMAIL: ("邮箱", "E-mail"),
    ContactKind.URL: ("在线客服", "Online"),
}


@dataclass(frozen=True, slots=True)
class Front:
    """What every page shows of the shop, in the visitor's language."""

    brand: str
    logo_url: str | None
    banner_url: str | None
    sheet: str | None
    announcement: list[list[Span]]
    contacts: list[tuple[str, Contact]]
    pages: list[tuple[str, str]]
    """Path and title of every text that has a page."""

    @property
    def picture_origins(self) -> list[str]:
        """From where the pages' pictures come."""
        return sorted({origin_of(url) for url in (self.logo_url, self.banner_url) if url})


def front_of(shop: Shop, said: Storefront, *, english: bool) -> Front:
    """Put what a shop says into a language."""
    at = 1 if english else 0
    announcement = said.text(TextKind.ANNOUNCEMENT, english=english)
    sheet = style_sheet(said.theme)
    return Front(
        brand=said.text(TextKind.BRAND, english=english) or shop.name,
        logo_url=said.logo_url,
        banner_url=said.banner_url,
        sheet=f"{SHEET}?v={sha256(sheet.encode()).hexdigest()[:12]}" if sheet else None,
        announcement=paragraphs(announcement) if announcement else [],
        contacts=[(_WAYS[contact.kind][at], contact) for contact in said.contacts],
        pages=[
            (f"/texts/{kind.lower()}", _TITLES[kind][at])
            for kind in PAGES
            if said.text(kind, english=english)
        ],
    )


def text_of_page(said: Storefront, name: str, *, english: bool) -> tuple[str, list[list[Span]]]:
    """Give title and paragraphs of a text's page; no paragraphs for a text that is not there."""
    kind = next((kind for kind in PAGES if kind.lower() == name), None)
    text = said.text(kind, english=english) if kind is not None else None
    if kind is None or text is None:
        return "", []
    return _TITLES[kind][1 if english else 0], paragraphs(text)


async def theme_sheet(request: Request) -> Response:
    """Serve the shop's colours as a style sheet of the pages' own origin."""
    shop: Shop = request.scope["kameng.shop"]
    sheet = style_sheet((await storefront(shop)).theme)
    headers = {"cache-control": _KEEP_SHEET if sheet else "no-store"}
    return PlainTextResponse(
        sheet, status_code=200 if sheet else 404, media_type="text/css", headers=headers
    )


def style_sheet(theme: Theme) -> str:
    """Write the colours over those of the platform's sheet; "" for a shop that has none."""
    return _colours("light", theme.light, LIGHT_GROUNDS[0]) + _colours(
        "dark", theme.dark, DARK_GROUNDS[0]
    )


def _colours(scheme: str, pair: Pair | None, paper: str) -> str:
    if pair is None:
        return ""
    return (
        f"@media (prefers-color-scheme: {scheme}) {{ :root {{ --brand: {pair.accent}; "
        f"--on-brand: {pair.on_accent}; --brand-soft: {pair.tint(paper)}; }} }}\n"
    )
