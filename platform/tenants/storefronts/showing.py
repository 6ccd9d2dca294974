"""A shop's looks and words, read once for each version of its catalogue."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import db
from tenants.directory import Shop
from tenants.models import Locale
from tenants.storefronts.colours import Pair, Theme
from tenants.storefronts.contacts import Contact, ContactKind
from tenants.storefronts.writing import TextKind

_KNOWN_AT_MOST: Final = 200
"""Shops whose storefront a process keeps. Each has a hundred thousand characters at most."""

_STOREFRONT: Final = """
select front.logo_url, front.banner_url, front.accent, front.on_accent, front.accent_dark,
       front.on_accent_dark, texts.locales, texts.kinds, texts.bodies, contacts.ways,
       contacts.addresses
from (select $1::uuid as tenant_id) as shop
left join storefronts front on front.tenant_id = shop.tenant_id
cross join lateral (
    select coalesce(array_agg(locale order by locale, kind), '{}') as locales,
           coalesce(array_agg(kind order by locale, kind), '{}') as kinds,
           coalesce(array_agg(body order by locale, kind), '{}') as bodies
    from storefront_texts where tenant_id = shop.tenant_id) as texts
cross join lateral (
    select coalesce(array_agg(kind order by position), '{}') as ways,
           coalesce(array_agg(value order by position), '{}') as addresses
    from storefront_contacts where tenant_id = shop.tenant_id) as contacts
"""


@dataclass(frozen=True, slots=True)
class Storefront:
    """What a shop shows of itself. A shop that has said nothing has none of it."""

    logo_url: str | None
    banner_url: str | None
    theme: Theme
    contacts: tuple[Contact, ...]
    texts: Mapping[tuple[Locale, TextKind], str]

    def text(self, kind: TextKind, *, english: bool) -> str | None:
        """Give a text in a language, else in the other one, else nothing."""
        first, second = (
            (Locale.ENGLISH, Locale.CHINESE) if english else (Locale.CHINESE, Locale.ENGLISH)
        )
        return self.texts.get((first, kind)) or self.texts.get((second, kind))


NOTHING_SAID: Final = Storefront(None, None, Theme(None, None), (), {})
"""Of a shop that shows nothing of its own."""

_known: "OrderedDict[UUID, tuple[int, Storefront]]" = OrderedDict()


async def storefront(shop: Shop) -> Storefront:
    """Give the storefront of a shop, as it is at the shop's version.

    Every change of it makes another version (`watch_catalogue_table`), so what is known for one
    is true for as long as the shop has it.
    """
    known = _known.get(shop.id)
    if known is not None and known[0] == shop.version:
        return known[1]
    front = await current_storefront(shop.id)
    _known[shop.id] = (shop.version, front)
    _known.move_to_end(shop.id)
    if len(_known) > _KNOWN_AT_MOST:
        _known.popitem(last=False)
    return front


async def current_storefront(tenant_id: UUID) -> Storefront:
    """Read a storefront as it is now."""
    [row] = await db.read(db.shop_scope(tenant_id), _STOREFRONT, tenant_id)
    keys = zip(map(Locale, row["locales"]), map(TextKind, row["kinds"]), strict=True)
    contacts = zip(map(ContactKind, row["ways"]), row["addresses"], strict=True)
    return Storefront(
        logo_url=row["logo_url"],
        banner_url=row["banner_url"],
        theme=Theme(
            light=_pair(row, "accent", "on_accent"),
            dark=_pair(row, "accent_dark", "on_accent_dark"),
        ),
        contacts=tuple(Contact(kind, value) for kind, value in contacts),
        texts=dict(zip(keys, row["bodies"], strict=True)),
    )


def _pair(row: Mapping[str, Any], accent: str, on_accent: str) -> Pair | None:
    return Pair(row[accent], row[on_accent]) if row[accent] is not None else None
