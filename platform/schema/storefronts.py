"""What a shop shows of itself, and its change by the shop's staff."""

from typing import Annotated

import strawberry

from kernel import db
from schema.context import Context, Info
from schema.inputs import or_keep
from schema.look_ahead import selected
from schema.payment_methods import PaymentMethodOption, offered_methods
from schema.problems import Problem, Refusals
from tenants.directory import Shop, current_shop, hear_change
from tenants.keep import KEEP
from tenants.models import Locale
from tenants.storefronts import changing, showing
from tenants.storefronts.changing import StorefrontChange, TextChange
from tenants.storefronts.colours import Pair, Theme
from tenants.storefronts.contacts import Contact, ContactKind
from tenants.storefronts.writing import TextKind

strawberry.enum(Locale, name="ShopLocale", description="A language that shops speak.")
strawberry.enum(ContactKind, description="A way to reach the shop's support.")
strawberry.enum(TextKind, name="StorefrontTextKind", description="What a shop says, and where.")

_KNOWN_WITH_THE_SHOP = frozenset(
    {"name", "locale", "currency", "supportContact", "open", "paymentMethods", "__typename"}
)


@strawberry.type(description="Colours as `#rrggbb`, for light screens and for dark ones.")
class StorefrontTheme:
    """Null where the shop leaves the choice to the page."""

    accent: str | None
    on_accent: str | None
    accent_dark: str | None
    on_accent_dark: str | None


@strawberry.type(description="A way to reach the shop's support.")
class StorefrontContact:
    """A Telegram name stands without its @."""

    kind: ContactKind
    value: str


@strawberry.type(description="A text of the shop in one language.")
class StorefrontText:
    """Plain, but for `[words](https://…)`, which is a link; an empty line begins a paragraph."""

    locale: Locale
    kind: TextKind
    text: str


@strawberry.type(description="The shop that answers at this address.")
class Storefront:
    """One tenant as its buyers see it. `brand` is its name in the caller's language."""

    name: str
    locale: str
    currency: str
    support_contact: str
    open: bool
    payment_methods: list[PaymentMethodOption]
    brand: str
    logo_url: str | None
    banner_url: str | None
    theme: StorefrontTheme
    contacts: list[StorefrontContact] = strawberry.field(metadata={"assumed_size": 5})
    texts: list[StorefrontText] = strawberry.field(metadata={"assumed_size": 12})


@strawberry.type
class StorefrontUpdated:
    """The shop as it shows itself from now on."""

    storefront: Storefront


StorefrontUpdatePayload = Annotated[
    StorefrontUpdated | Problem, strawberry.union("StorefrontUpdatePayload")
]


@strawberry.input
class StorefrontPairInput:
    """A colour for links and buttons, and the colour of the words on it: `#4754c9`."""

    accent: str
    on_accent: str


@strawberry.input
class StorefrontThemeInput:
    """Colours that people can read on the pages' grounds; others are refused."""

    light: StorefrontPairInput | None = None
    dark: StorefrontPairInput | None = None


@strawberry.input
class StorefrontContactInput:
    """A phone or QQ number, a WeChat or Telegram name, an e-mail address, an https address."""

    kind: ContactKind
    value: str


@strawberry.input
class StorefrontTextInput:
    """A text in one language; an empty one takes it away."""

    locale: Locale
    kind: TextKind
    text: str


@strawberry.input
class StorefrontUpdateInput:
    """What is left out stays as it is; null takes a picture or the colours away."""

    name: str | None = strawberry.UNSET
    locale: Locale | None = strawberry.UNSET
    logo_url: str | None = strawberry.UNSET
    banner_url: str | None = strawberry.UNSET
    theme: StorefrontThemeInput | None = strawberry.UNSET
    contacts: list[StorefrontContactInput] | None = strawberry.UNSET
    texts: list[StorefrontTextInput] | None = strawberry.UNSET


@strawberry.type
class StorefrontQuery:
    """The shop itself."""

    @strawberry.field(description="The shop itself.")
    async def storefront(self, info: Info) -> Storefront:
        """Describe the shop of the request; what it says of itself only if that is asked."""
        context = info.context
        if selected(info).fields.keys() <= _KNOWN_WITH_THE_SHOP:
            return _storefront(context, context.shop, showing.NOTHING_SAID)
        return _storefront(context, context.shop, await showing.storefront(context.shop))


@strawberry.type
class StorefrontMutation:
    """Changes of what the shop shows."""

    @strawberry.mutation(
        description="Change what the shop shows of itself.", extensions=[Refusals()]
    )
    async def storefront_update(
        self, info: Info, input: StorefrontUpdateInput
    ) -> StorefrontUpdatePayload:
        """Change the storefront."""
        context = info.context
        await changing.change_storefront(tenant_id=context.shop.id, change=_change(input))
        hear_change(str(context.shop.id))
        async with db.transaction(db.core_scope(), read_only=True):
            shop = await current_shop(context.shop.id)
        front = await showing.current_storefront(shop.id)
        return StorefrontUpdated(storefront=_storefront(context, shop, front))


def _storefront(context: Context, shop: Shop, front: showing.Storefront) -> Storefront:
    light, dark = front.theme.light, front.theme.dark
    return Storefront(
        name=shop.name,
        locale=shop.locale,
        currency=shop.currency,
        support_contact=shop.support_contact,
        open=shop.open and not shop.prepaid,
        payment_methods=offered_methods(context),
        brand=front.text(TextKind.BRAND, english=context.english) or shop.name,
        logo_url=front.logo_url,
        banner_url=front.banner_url,
        theme=StorefrontTheme(
            accent=light.accent if light else None,
            on_accent=light.on_accent if light else None,
            accent_dark=dark.accent if dark else None,
            on_accent_dark=dark.on_accent if dark else None,
        ),
        contacts=[StorefrontContact(kind=one.kind, value=one.value) for one in front.contacts],
        texts=[
            StorefrontText(locale=locale, kind=kind, text=text)
            for (locale, kind), text in front.texts.items()
        ],
    )


def _change(wish: StorefrontUpdateInput) -> StorefrontChange:
    """Read what shall be different. A name or a language cannot be taken away."""
    return StorefrontChange(
        name=KEEP if wish.name in (None, strawberry.UNSET) else str(wish.name),
        locale=KEEP if wish.locale in (None, strawberry.UNSET) else Locale(wish.locale),
        logo_url=or_keep(wish.logo_url),
        banner_url=or_keep(wish.banner_url),
        theme=KEEP if wish.theme is strawberry.UNSET else _theme(wish.theme),
        contacts=KEEP if wish.contacts is strawberry.UNSET else _contacts(wish.contacts or []),
        texts=_texts(wish.texts or []),
    )


def _theme(given: StorefrontThemeInput | None) -> Theme | None:
    return None if given is None else Theme(_pair(given.light), _pair(given.dark))


def _pair(given: StorefrontPairInput | None) -> Pair | None:
    return None if given is None else Pair(given.accent, given.on_accent)


def _contacts(given: list[StorefrontContactInput]) -> list[Contact]:
    return [Contact(one.kind, one.value) for one in given]


def _texts(given: list[StorefrontTextInput]) -> list[TextChange]:
    return [TextChange(one.locale, one.kind, one.text) for one in given]
