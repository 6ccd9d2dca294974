"""What the files in `data/` say, checked when they are read."""

import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from catalog.forms.fields import FieldKind, FormField
from kernel.money import Money, currency_exponent
from offers.delivery_modes import BY_HAND
from tenants.pricing import Audience, ForKind, Rounding, RuleKind, Scope

CURRENCY: Final = "CNY"
DATA_DIR: Final = Path(__file__).with_name("data")
_PRODUCT_FILES: Final = ("games", "gift_cards", "memberships", "top_ups", "licences")


def _money(text: str) -> Money:
    """`USD 5.00` as money; an amount alone is yuan."""
    currency, _, amount = text.rpartition(" ")
    currency = currency or CURRENCY
    return Money(int(Decimal(amount).scaleb(currency_exponent(currency))), currency)


Amount = Annotated[Money, BeforeValidator(_money)]
ChineseAndEnglish = tuple[str, str]


class Record(BaseModel):
    """One entry of a data file; a name that nobody reads is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoryRecord(Record):
    """A category; one without a parent is on top."""

    slug: str
    name: ChineseAndEnglish
    parent: str | None = None


class FieldRecord(Record):
    """Something that a buyer is asked for."""

    name: str
    kind: FieldKind
    label: ChineseAndEnglish
    help: ChineseAndEnglish = ("", "")

    @property
    def field(self) -> FormField:
        """The field as the catalogue keeps it."""
        return FormField(
            name=self.name,
            kind=self.kind,
            label_zh=self.label[0],
            label_en=self.label[1],
            help_zh=self.help[0],
            help_en=self.help[1],
        )


class SkuRecord(Record):
    """A SKU. `supply` is what suppliers ask for about, `popular` its weight in the stock. `minutes`
    is within how many a person delivers, `seats` how many buyers use one key, `asks` the form."""

    code: str
    name: ChineseAndEnglish
    face: Amount
    supply: Amount
    region: str | None = None
    days: int | None = None
    delivery: Literal["AUTO_KEY", "SHARED_KEY", "DIRECT_TOPUP", "MANUAL"] = "AUTO_KEY"
    minutes: int | None = None
    seats: int = 1
    asks: tuple[FieldRecord, ...] = ()
    popular: int = 1

    @property
    def by_hand(self) -> bool:
        """True for what a person delivers."""
        return self.delivery in BY_HAND


class ProductRecord(Record):
    """A product. `key` and `serial` are patterns: `#` is a digit, `*` a digit or letter."""

    slug: str
    category: str
    platform: str
    name: ChineseAndEnglish
    about: ChineseAndEnglish
    scope: ChineseAndEnglish
    rules: str
    steps: str
    skus: tuple[SkuRecord, ...]
    region: str = "CN"
    key: str = ""
    serial: str = ""
    codes_expire: bool = False
    min_remaining_days: int = 0


class TextRecord(Record):
    """A list of sentences in both languages."""

    zh: tuple[str, ...]
    en: tuple[str, ...]


class SupplierRecord(Record):
    """A supplier; one without categories offers everything."""

    slug: str
    name: str
    commission_bp: int
    warranty_hours: int
    stock: int
    contract: str
    priority: int = 0
    categories: tuple[str, ...] = ()

    def offers(self, product: ProductRecord) -> bool:
        """Say whether the supplier has a product's SKUs."""
        return not self.categories or product.category in self.categories


class GradeRecord(Record):
    """A grade of a shop's agents."""

    name: str
    rank: int
    open_fee: Amount = Money(0, CURRENCY)


class TierRecord(Record):
    """A tier of a shop's customers, reached by what was `spent` within a window."""

    name: str
    rank: int
    spent: Amount
    window_days: int
    grace_days: int = 0
    max_unpaid_orders: int | None = None
    priority: int = 0


class RuleRecord(Record):
    """A price rule; its target is a category's slug or a SKU's code.

    `whom` is the name of a grade, a tier or a promotion of the shop, a child's slug, or a
    customer's e-mail address, as `for_kind` says.
    """

    audience: Audience
    scope: Scope
    kind: RuleKind
    for_kind: ForKind = ForKind.EVERYONE
    whom: str | None = None
    min_quantity: int = 1
    target: str | None = None
    value: int = 0
    rounding: Rounding = Rounding.HALF_UP
    unit_minor: int = 1


class LimitRecord(Record):
    """Bounds of the retail price of a SKU, in fen."""

    sku: str
    floor_minor: int | None = None
    ceiling_minor: int | None = None


class ShopRecord(Record):
    """A tenant with its domain `<slug>.localhost` and its own rules."""

    slug: str
    name: str
    support: str
    parent: str | None = None
    locale: Literal["zh-CN", "en"] = "zh-CN"
    min_margin_minor: int = 0
    max_markup_bp: int | None = None
    grade: str | None = None
    """The name of one of the parent's grades."""
    grades: tuple[GradeRecord, ...] = ()
    tiers: tuple[TierRecord, ...] = ()
    promotions: tuple[str, ...] = ()
    rules: tuple[RuleRecord, ...]
    limits: tuple[LimitRecord, ...] = ()
    hidden: tuple[str, ...] = ()
    titles: dict[str, str] = {}
    points: dict[str, int] = {}
    """The columns of its points program."""

    @property
    def host(self) -> str:
        """Return the name at which the shop answers."""
        return f"{self.slug}.localhost"


class CustomerRecord(Record):
    """A buyer with an account in one shop and money in its wallet."""

    shop: str
    name: str
    email: str
    wallet: Amount
    tier: str | None = None


class StaffRecord(Record):
    """A member of a shop's staff."""

    shop: str
    name: str
    role: Literal["OWNER", "FINANCE", "SUPPORT", "CATALOGUE", "READ_ONLY"]


class ApiClientRecord(Record):
    """A program that acts for a shop."""

    shop: str
    name: str
    scopes: tuple[str, ...]


class AffiliateRecord(Record):
    """Somebody who is thanked for sales; `email` is the affiliate's own account in the shop."""

    shop: str
    name: str
    code: str
    email: str
    program: str
    rate_bp: int


class OperatorRecord(Record):
    """Who runs the platform."""

    name: str


class PeopleRecord(Record):
    """Everybody who gets a token."""

    customers: tuple[CustomerRecord, ...]
    staff: tuple[StaffRecord, ...]
    api_client: ApiClientRecord
    affiliate: AffiliateRecord
    operator: OperatorRecord


class Texts(Record):
    """Texts that products share, by name."""

    rules: dict[str, TextRecord]
    steps: dict[str, TextRecord]


class Demo(Record):
    """All of the demo's data."""

    categories: tuple[CategoryRecord, ...]
    products: tuple[ProductRecord, ...]
    texts: Texts
    suppliers: tuple[SupplierRecord, ...]
    shops: tuple[ShopRecord, ...]
    people: PeopleRecord

    @property
    def sku_count(self) -> int:
        """Count the SKUs of all products."""
        return sum(len(product.skus) for product in self.products)


@cache
def demo_records() -> Demo:
    """Read the data files; a mistake in them is pydantic's `ValidationError`."""
    products = [product for name in _PRODUCT_FILES for product in _toml(name)["product"]]
    return Demo(
        categories=_toml("categories")["category"],
        products=tuple(products),
        texts=Texts(**_toml("texts")),
        suppliers=_toml("suppliers")["supplier"],
        shops=_toml("shops")["shop"],
        people=PeopleRecord(**_toml("people")),
    )


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA_DIR / f"{name}.toml").read_text(encoding="utf-8"))
