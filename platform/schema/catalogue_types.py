"""What a shop shows, as GraphQL types. No type here has a field for a cost or a supplier."""

from enum import Enum
from functools import lru_cache
from typing import Final
from uuid import UUID

import strawberry

from catalog.queries import CategoryRow
from kernel.ids import public_id
from kernel.settings import settings
from offers.catalogue import ProductPage
from offers.delivery_modes import allowed_modes
from offers.form_values import fields_of
from offers.shelf import ProductRow, ShelfSku
from schema.connections import PageInfo
from schema.context import Context
from schema.delivery_modes import DeliveryMode
from schema.execution import Shared
from schema.forms import FormField, form_field
from schema.look_ahead import Selected
from schema.money import Money, amount
from schema.offer_types import (
    NOT_ASKED,
    Offer,
    OfferSort,
    StockView,
    counted_stock_view,
    offers_of,
    stock_view,
)


@strawberry.type
class Category:
    """One category; `parentId` makes the tree."""

    id: strawberry.ID
    parent_id: strawberry.ID | None
    slug: str
    name: str


@strawberry.type(description="What one piece costs the buyer.")
class PriceView(Shared):
    """The price of the offer that is bought unless the buyer chooses another."""

    amount: Money


@strawberry.type(description="What a piece costs in a line of so many pieces and more.")
class QuantityPrice:
    """From how many pieces on a piece costs what."""

    from_quantity: int
    unit_price: Money


@strawberry.type(description="One thing that can be bought: a card of one face value and region.")
class Sku:
    """A SKU with its rules, as this shop sells it."""

    id: strawberry.ID
    code: str
    name: str
    face_value: Money | None
    region: str
    delivery_mode: DeliveryMode
    delivery_modes: list[DeliveryMode] = strawberry.field(
        description="What a buyer may choose from; the first is what one gets who does not choose.",
        metadata={"assumed_size": 2},
    )
    manual_minutes: int | None = strawberry.field(
        description="Within how many minutes a person delivers, where one does."
    )
    scope_of_use: str
    validity_days: int | None
    usage_rules: list[str]
    redeem_steps: list[str]
    max_per_order: int
    form_fields: list[FormField] = strawberry.field(metadata={"assumed_size": 2})
    price: PriceView
    stock: StockView
    offers: list[Offer]
    quantity_prices: list[QuantityPrice] = strawberry.field(
        description="What a piece costs you, from one piece on and wherever that changes.",
        metadata={"assumed_size": 3},
    )


@strawberry.type
class Product:
    """A product and the SKUs of it that this shop sells."""

    id: strawberry.ID
    slug: str
    name: str
    description: str
    platform: str
    category_id: strawberry.ID
    price: PriceView | None = strawberry.field(description="From: the cheapest SKU's price.")
    stock: StockView
    skus: list[Sku] = strawberry.field(metadata={"assumed_size": 5})


@strawberry.type
class ProductEdge:
    """A product and the cursor that continues after it."""

    cursor: str
    node: Product


@strawberry.type
class ProductConnection:
    """A page of products."""

    edges: list[ProductEdge]
    page_info: PageInfo


@strawberry.enum
class ProductSort(Enum):
    """The order of a list."""

    POSITION = "POSITION"
    NAME = "NAME"
    NEWEST = "NEWEST"


@strawberry.input
class ProductFilter:
    """A category and all below it, or these ids."""

    category_slug: str | None = None
    ids: list[strawberry.ID] | None = None


def category_type(row: CategoryRow, context: Context) -> Category:
    """Put a category into the caller's language."""
    return Category(
        id=strawberry.ID(public_id("cat", row.id)),
        parent_id=strawberry.ID(public_id("cat", row.parent_id)) if row.parent_id else None,
        slug=row.slug,
        name=context.words(row.name_zh, row.name_en),
    )


def product_connection(page: ProductPage, asked: Selected, context: Context) -> ProductConnection:
    """Put a page into the caller's language; what nobody asked for stays empty.

    A cursor is signed, and signing costs more than the rest of an edge.
    """
    edges, info = asked.below("edges"), asked.below("pageInfo")
    write, with_cursor = ProductWriter(edges.below("node"), context).write, edges.has("cursor")
    return ProductConnection(
        edges=[
            ProductEdge(cursor=page.cursor(row) if with_cursor else NOT_ASKED, node=write(row))
            for row in page.rows
        ],
        page_info=PageInfo(
            has_next_page=page.has_next,
            end_cursor=page.end_cursor if info.has("endCursor") else None,
        ),
    )


class ProductWriter:
    """Puts products and their SKUs into the caller's language.

    Fields that are not among `asked` are not worked out: nobody reads them. What is asked is looked
    up once for a page.
    """

    def __init__(
        self, asked: Selected, context: Context, *, offer_sort: OfferSort | None = None
    ) -> None:
        self._context = context
        self._offer_sort = offer_sort
        self._currency = context.shop.currency
        self._bound = settings().low_stock_bound
        self._id = asked.has("id")
        self._described = asked.has("description")
        self._category = asked.has("categoryId")
        self._price = asked.has("price")
        self._skus = asked.below("skus") if asked.has("skus") else None

    def write(self, product: ProductRow) -> Product:
        """Write one product."""
        row, skus, words = product.row, product.skus, self._context.words
        price = None
        if skus and self._price:
            cheapest = min([sku.display_offer.unit_price_minor for sku in skus])
            price = price_view(cheapest, self._currency)
        stock = max([sku.stock for sku in skus], default=0)
        return Product(
            id=_id("prd", row["id"]) if self._id else _NO_ID,
            slug=row["slug"],
            name=words(row["name_zh"], row["name_en"]),
            description=words(row["description_zh"], row["description_en"])
            if self._described
            else NOT_ASKED,
            platform=row["platform"],
            category_id=_id("cat", row["category_id"]) if self._category else _NO_ID,
            price=price,
            stock=counted_stock_view(stock, stock >= self._bound),
            skus=[]
            if self._skus is None
            else [_sku(sku, self._skus, self._context, self._offer_sort) for sku in skus],
        )


_NO_ID: Final = strawberry.ID(NOT_ASKED)


def _id(kind: str, identifier: UUID) -> strawberry.ID:
    return strawberry.ID(public_id(kind, identifier))


@lru_cache(maxsize=4_000)
def price_view(amount_minor: int, currency: str) -> PriceView:
    """Show a price, in minor units."""
    return PriceView(amount=amount(amount_minor, currency))


def _sku(sku: ShelfSku, asked: Selected, context: Context, sort: OfferSort | None) -> Sku:
    row, english = sku.row, context.english
    return Sku(
        id=_id("sku", sku.id) if asked.has("id") else _NO_ID,
        code=row["code"],
        name=sku.title or context.words(row["sku_name_zh"], row["sku_name_en"]),
        face_value=None
        if row["face_value_minor"] is None
        else amount(row["face_value_minor"], row["face_currency"]),
        region=row["region"],
        delivery_mode=DeliveryMode(row["delivery_mode"]),
        delivery_modes=[DeliveryMode(mode) for mode in allowed_modes(row)],
        manual_minutes=row["manual_minutes"],
        scope_of_use=context.words(row["scope_of_use_zh"], row["scope_of_use_en"]),
        validity_days=row["validity_days"],
        usage_rules=row["usage_rules_en" if english else "usage_rules_zh"],
        redeem_steps=row["redeem_steps_en" if english else "redeem_steps_zh"],
        max_per_order=row["max_per_order"],
        form_fields=[form_field(one, context) for one in fields_of(sku)]
        if asked.has("formFields")
        else [],
        price=price_view(sku.display_offer.unit_price_minor, sku.currency),
        stock=stock_view(sku.stock),
        offers=offers_of(sku, asked.below("offers"), sort) if asked.has("offers") else [],
        quantity_prices=[
            QuantityPrice(
                from_quantity=one.from_quantity,
                unit_price=amount(one.unit_price_minor, sku.currency),
            )
            for one in sku.quantity_prices
        ],
    )
