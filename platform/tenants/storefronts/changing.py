"""A change of a shop's looks and words: all of it or nothing, and only what is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from tenants.keep import KEEP, Kept
from tenants.models import Locale
from tenants.storefronts.addresses import checked_address
from tenants.storefronts.colours import DARK_GROUNDS, LIGHT_GROUNDS, Pair, Theme, checked_pair
from tenants.storefronts.contacts import Contact, checked_contacts
from tenants.storefronts.writing import TextKind, checked_text, require_visible

LONGEST_NAME: Final = 80
MOST_TEXTS: Final = len(Locale) * len(TextKind)


@dataclass(frozen=True, slots=True)
class TextChange:
    """A text in one language; "" takes it away."""

    locale: Locale
    kind: TextKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontChange:
    """What shall be different. None takes a picture away, or gives the platform's colours back."""

    name: str | Kept = KEEP
    locale: Locale | Kept = KEEP
    logo_url: str | None | Kept = KEEP
    banner_url: str | None | Kept = KEEP
    theme: Theme | None | Kept = KEEP
    contacts: Sequence[Contact] | Kept = KEEP
    texts: Sequence[TextChange] = ()


async def change_storefront(*, tenant_id: UUID, change: StorefrontChange) -> None:
    """Change a shop's storefront; every page and answer shows it from then on.

    Raises `Invalid` for an address that is not https, colours that cannot be read, a contact that
    is none of its kind, and a text that is too long or hides something.
    """
    looks = _looks(change)
    contacts = None if change.contacts is KEEP else checked_contacts(change.contacts)
    texts = _texts(change.texts)
    name = None if change.name is KEEP else _name(change.name)
    locale = None if change.locale is KEEP else change.locale
    async with db.transaction(db.core_scope(tenant_id)):
        if name is not None or locale is not None:
            await db.execute(
                """update tenants set name = coalesce($2, name), locale = coalesce($3, locale)
                   where id = $1""",
                tenant_id,
                name,
                locale,
            )
        if looks:
            await _write_looks(tenant_id, looks)
        if contacts is not None:
            await _write_contacts(tenant_id, contacts)
        if texts:
            await _write_texts(tenant_id, texts)


async def _write_looks(tenant_id: UUID, looks: dict[str, str | None]) -> None:
    columns = ", ".join(looks)
    places = ", ".join(f"${number}" for number in range(3, 3 + len(looks)))
    changes = ", ".join(f"{column} = excluded.{column}" for column in looks)
    await db.execute(
        f"""insert into storefronts (tenant_id, id, {columns}) values ($1, $2, {places})
            on conflict (tenant_id) do update set {changes}, updated_at = platform_now()""",
        tenant_id,
        new_id(),
        *looks.values(),
    )


async def _write_contacts(tenant_id: UUID, contacts: list[Contact]) -> None:
    # Two who replace the list at once would both write its first line: the second waits here.
    await db.execute("select from tenants where id = $1 for no key update", tenant_id)
    await db.execute("delete from storefront_contacts where tenant_id = $1", tenant_id)
    await db.execute(
        """insert into storefront_contacts (tenant_id, position, kind, value)
           select $1, position, kind, value
           from unnest($2::text[], $3::text[]) with ordinality as given (kind, value, position)""",
        tenant_id,
        [contact.kind for contact in contacts],
        [contact.value for contact in contacts],
    )


async def _write_texts(tenant_id: UUID, texts: list[TextChange]) -> None:
    await db.execute(
        """with given as (
               select * from unnest($2::text[], $3::text[], $4::text[]) as text (locale, kind, body)
           ), gone as (
               delete from storefront_texts stored using given
               where stored.tenant_id = $1 and given.body = ''
                 and (stored.locale, stored.kind) = (given.locale, given.kind)
           )
           insert into storefront_texts (tenant_id, locale, kind, body)
           select $1, locale, kind, body from given where body <> '' order by locale, kind
           on conflict (tenant_id, locale, kind) do update set body = excluded.body""",
        tenant_id,
        [text.locale for text in texts],
        [text.kind for text in texts],
        [text.text for text in texts],
    )


def _looks(change: StorefrontChange) -> dict[str, str | None]:
    """The columns of `storefronts` that change, checked."""
    looks: dict[str, str | None] = {}
    if change.logo_url is not KEEP:
        looks["logo_url"] = _picture(change.logo_url, "logoUrl")
    if change.banner_url is not KEEP:
        looks["banner_url"] = _picture(change.banner_url, "bannerUrl")
    if change.theme is not KEEP:
        theme = change.theme or Theme(None, None)
        light = _pair(theme.light, LIGHT_GROUNDS)
        dark = _pair(theme.dark, DARK_GROUNDS)
        looks |= {
            "accent": light.accent if light else None,
            "on_accent": light.on_accent if light else None,
            "accent_dark": dark.accent if dark else None,
            "on_accent_dark": dark.on_accent if dark else None,
        }
    return looks


def _picture(address: str | None, field: str) -> str | None:
    return checked_address(address, field=field) if address is not None else None


def _pair(pair: Pair | None, grounds: tuple[str, ...]) -> Pair | None:
    if pair is None:
        return None
    return checked_pair(pair.accent, pair.on_accent, grounds=grounds, field="theme")


def _texts(texts: Sequence[TextChange]) -> list[TextChange]:
    if len(texts) > MOST_TEXTS:
        raise Invalid(f"At most {MOST_TEXTS} texts.", field="texts")
    if len({(text.locale, text.kind) for text in texts}) < len(texts):
        raise Invalid("A text is named once.", field="texts")
    return [
        TextChange(text.locale, text.kind, checked_text(text.kind, text.text)) for text in texts
    ]


def _name(name: str) -> str:
    clean = " ".join(name.split())
    if not 0 < len(clean) <= LONGEST_NAME:
        message = f"A name has 1 to {LONGEST_NAME} printable characters."
        raise Invalid(message, field="name")
    require_visible(clean, field="name")
    return clean
